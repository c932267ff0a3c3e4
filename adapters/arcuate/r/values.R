# Arcuate's own R code, part 2: R objects to plain parts (plan) and back (make_*).
#
# plan(x) says how an object travels: list(code, parts...). The codes are the P_* constants of from_r.py.

.labels_limit <- 10000L
.ride <- "arcuate"  # the attribute in which rides what R has no place for

# --- out ------------------------------------------------------------------------------------------------------------

plan <- function(x) switch(typeof(x),
    logical = , integer = , double = , complex = , character = , raw = plan_atomic(x),
    list = plan_list(x),
    pairlist = list(16L, as.list(x)),
    closure = { id <- function_id(x); if (is.null(id)) list(10L) else list(11L, id) },
    S4 = plan_s4(x),
    list(10L))

.harmless <- c("noquote", "AsIs", "glue", "object_size", "fs_path", "labelled_text")

# The data of an atomic vector by its class, without labels; NULL when the class has no faithful value.
core <- function(x, dim) {
    cls <- oldClass(x)
    if (is.null(cls)) return(list(1L, bare(x), dim))
    if (identical(cls, "factor") || identical(cls, c("ordered", "factor")))
    {
        levels <- attr(x, "levels", TRUE)
        typed <- attr(levels, .ride)  # categories that are no text
        if (is.null(typed) || !identical(bare(levels), label_text(typed, Inf))) typed <- bare(levels)
        return(list(5L, bare(x), dim, typed, cls[1L] == "ordered"))
    }
    if (identical(cls, c("POSIXct", "POSIXt"))) {
        tz <- attr(x, "tzone", TRUE)
        note <- attr(tz, .ride)  # c("naive" | "zoned", unit)
        zone <- if (is.null(tz) || !nzchar(tz[1L])) Sys.timezone() else bare(tz[1L])
        if (is.null(zone) || is.na(zone)) zone <- "UTC"
        return(list(2L, bare(x), dim, if (identical(note[1L], "naive")) "" else if (length(note) > 2L) note[3L] else zone, if (is.null(note)) "us" else note[2L]))
    }
    if (identical(cls, "Date")) return(list(3L, bare(x), dim))
    if (identical(cls, "difftime")) {
        units <- attr(x, "units", TRUE)
        note <- attr(units, .ride)
        return(list(4L, bare(x), dim, bare(units), if (is.null(note)) "" else note))
    }
    if (identical(cls, "integer64")) return(list(12L, bare(x), dim))
    if (all(cls %in% .harmless)) return(list(1L, bare(x), dim))
    NULL
}

bare <- function(x) { attributes(x) <- NULL; x }

.own <- list(factor = c("levels", "class"), POSIXct = c("class", "tzone"), Date = "class", difftime = c("class", "units"))
.labels <- c("names", "dim", "dimnames", "arcuate")

plan_atomic <- function(x) {
    if (isS4(x)) return(list(10L))
    a <- attributes(x)  # read with [["name"]]: $ and attr() take the beginning of a name for it
    cls <- oldClass(x)
    special <- NULL
    if (!is.null(cls)) {
        if (inherits(x, "table") && all(cls %in% c("table", "xtabs"))) special <- "table"
        else if (inherits(x, "ts") && all(cls %in% c("ts", "mts", "matrix", "array"))) special <- "ts"
    }
    extra <- a[setdiff(names(a), c(.labels, "class", if (identical(special, "ts")) "tsp", "levels"[inherits(x, "factor")],
                                   "tzone"[inherits(x, "POSIXct")], "units"[inherits(x, "difftime")]))]
    if (is.character(x) && length(x) == 1L) extra$package <- NULL  # the value of class() for an S4 object
    if (!is.null(special)) class(x) <- NULL
    dim <- dim(x)
    data <- core(x, dim)
    if (is.null(data)) return(list(10L))
    ride <- a[[.ride]]
    if (!is.list(ride)) ride <- NULL  # what rides on levels and time zones
    if (is.null(special) && is.null(a[["names"]]) && is.null(a[["dimnames"]]) && is.null(ride) && length(extra) == 0L) return(data)
    if (!is.null(ride) && !identical(ride$kind, "labelled")) { extra[[.ride]] <- ride; ride <- NULL }
    plan_labelled(x, data, dim, a, ride, extra, special)
}

plan_labelled <- function(x, data, dim, a, ride, extra, special) {
    n <- length(x)
    labels <- if (is.null(dim)) { if (!is.null(a[["names"]])) list(a[["names"]]) else list(NULL) } else a[["dimnames"]]
    if (is.null(dim)) dim <- n
    names <- names(labels)
    if (is.null(labels)) labels <- vector("list", length(dim))
    default <- paste0("dim_", seq_along(dim) - 1L)
    if (is.null(names)) names <- default
    else {
        empty <- is.na(names) | !nzchar(names)
        if (length(ride$dims) == length(names)) empty <- empty & nzchar(ride$dims)  # it was sent without a name
        names[empty] <- default[empty]
    }
    if (anyDuplicated(names)) names <- make.unique(names, "_")
    name <- NULL
    coords <- list()
    attrs <- list()
    if (identical(special, "ts")) {
        tsp <- attr(x, "tsp")
        if (is.null(names(a[["dimnames"]]))) names[1L] <- "time"
        coords[[names[1L]]] <- list(names[1L], bare(stats::time(stats::ts(seq_len(dim[1L]), start = tsp[1L], frequency = tsp[3L]))), list())
        attrs <- list(r_class = "ts", frequency = tsp[3L])
        labels[1L] <- list(NULL)
    } else if (identical(special, "table")) attrs <- list(r_class = "table")
    if (!is.null(ride)) {
        if (length(ride$dims) == 0L && n == 1L && is.null(a[["dim"]])) {  # 0-d
            return(list(6L, ride$name, character(), data, ride$coords, c(ride$attrs, extra)))
        }
        if (is.null(a[["dim"]]) && is.null(special)) ride$coords <- list()
        else {
            good <- vapply(seq_along(names), function(i) {
                known <- match(names[i], ride$dims)
                !is.na(known) && dim[i] == ride$shape[known] && (!is.null(ride$ts) || identical(labels[[i]], ride$labels[[known]]))
            }, NA)
            still <- names[good]
            for (key in names(ride$coords)) {
                variable <- ride$coords[[key]]
                if (all(variable[[1L]] %in% still)) coords[[key]] <- variable
            }
        }
        name <- ride$name
        attrs <- c(attrs, ride$attrs[!names(ride$attrs) %in% names(attrs)])
        if (is.null(special) && !is.null(ride$attrs$r_class) && is.null(ride$other)) attrs$r_class <- attrs$frequency <- NULL
    }
    for (i in seq_along(names)) if (!is.null(labels[[i]]) && is.null(coords[[names[i]]])) coords[[names[i]]] <- list(names[i], bare(labels[[i]]), list())
    if (length(extra)) attrs <- c(attrs, extra[!names(extra) %in% names(attrs)])
    list(6L, name, names, data, coords, attrs)
}

plan_list <- function(x) {
    cls <- oldClass(x)
    if (isS4(x)) return(list(10L))
    if (is.null(cls) || identical(cls, "AsIs")) {
        a <- attributes(x)
        if (!is.null(a[["class"]])) { a[["class"]] <- NULL; attributes(x) <- a; if (length(a) == 0L) return(list(16L, x)) }
        if (length(a) == 1L && !is.null(a[["dim"]])) return(list(14L, bare(x), a[["dim"]]))
        if (length(a) == 1L && !is.null(a[["names"]])) {
            if (anyNA(a[["names"]]) || anyDuplicated(a[["names"]])) return(list(10L))
            return(list(13L, bare(x), a[["names"]]))
        }
        return(list(10L))
    }
    if (identical(cls, "data.frame") || (inherits(x, "data.frame") && all(cls %in% c("tbl_df", "tbl", "data.table", "data.frame")))) return(plan_table(x))
    if (identical(cls, "arcuate_dataset")) return(plan_dataset(x))
    if (inherits(x, "POSIXlt")) return(plan(as.POSIXct(x)))
    list(10L)
}

# Classes that say no more than that there are labels, as packages for survey data make them.
.labelled <- c("labelled", "haven_labelled", "haven_labelled_spss", "vctrs_vctr", "double", "numeric", "integer", "character", "logical")

# Attributes whose vectors of texts, or of codes by name, go as lists: mappings and lists can be compared, as pandas does.
.coded <- c("class", "labels", "value.labels", "na_values", "na_range")
is_coded <- function(x) is.atomic(x) && length(x) > 0L && !anyNA(x) && if (is.null(names(x))) length(x) > 1L && is.null(attributes(x)) else
    identical(names(attributes(x)), "names") && !anyNA(names(x)) && all(nzchar(names(x))) && !anyDuplicated(names(x))
uncoded <- function(x) {
    if (is.list(x) && length(x) && all(lengths(x) == 1L) && length(unique(vapply(x, typeof, ""))) == 1L && identical(as.list(made <- unlist(x)), x) && is_coded(made)) made else x
}
is_mapping <- function(x) is.list(x) && length(x) > 0L && identical(names(attributes(x)), "names")

# The column with what is noted of it as its attributes; NULL where that would make something else of it, or R cannot hold it.
with_note <- function(column, note) {
    cls <- oldClass(column)
    if (!is_mapping(note) || any(names(note) %in% c("", .labels, "levels", "tsp", "row.names", setdiff(unlist(.own[cls]), "class")))) return(NULL)
    if (any(vapply(note, is.null, NA))) return(NULL)
    for (key in intersect(names(note), .coded)) note[[key]] <- uncoded(note[[key]])
    given <- note[["class"]]
    if (!is.null(given)) {
        if (is.list(column) || !is.character(given)) return(NULL)
        note[["class"]] <- given <- bare(given)  # a row of cells, from Octave
        if (!any(given %in% .labelled) || !identical(given[!given %in% .labelled], as.character(cls))) return(NULL)
    }
    own <- attributes(column)
    tryCatch({ attributes(column) <- c(own[setdiff(names(own), names(note))], note); column }, error = function(e) NULL)
}

plan_table <- function(x) {
    a <- attributes(x)
    n <- .row_names_info(x, 2L)
    names <- a[["names"]]
    if (anyNA(names) || anyDuplicated(names)) return(list(10L))
    columns <- bare(x)
    notes <- vector("list", length(columns))
    for (i in seq_along(columns)) {
        column <- columns[[i]]
        if (inherits(column, "POSIXlt")) {
            note <- attributes(column)
            column <- as.POSIXct(column)
            for (key in setdiff(names(note), c("names", "class", "tzone", "balanced"))) attr(column, key) <- note[[key]]
            columns[[i]] <- column
        }
        if (inherits(column, "AsIs")) { class(column) <- setdiff(class(column), c("AsIs", "list", "numeric", "integer", "character", "logical", "complex")); columns[[i]] <- column }
        if (!is.null(dim(column)) || length(column) != n || isS4(column)) return(list(10L))
        cls <- oldClass(column)
        if (is.list(column) && !is.null(cls)) return(list(10L))
        if (is.null(part <- attributes(column))) next
        typed <- cls[!cls %in% .labelled]
        note <- part[setdiff(names(part), c("names", .ride, setdiff(unlist(.own[typed]), "class"), "class"[length(typed) == length(cls)]))]
        told <- part[[.ride]]  # of a labelled array without dimensions
        if (is.list(told) && length(told <- Filter(length, told[c("name", "coords", "attrs")]))) note[[.ride]] <- told
        part <- part[setdiff(names(part), c("names", .ride, names(note)))]
        if (!is.null(note[["class"]]) && length(typed)) part[["class"]] <- typed
        for (key in intersect(names(note), .coded)) if (is_coded(note[[key]])) note[[key]] <- as.list(note[[key]])
        if (length(note)) notes[[i]] <- note
        if (!is.null(part[["class"]])) {  # column[0L] would lose a class without a method of its own
            none <- vector(typeof(column), 0L)
            attributes(none) <- part
            if (is.null(core(none, NULL))) return(list(10L))
        }
        attributes(column) <- if (length(part)) part
        columns[[i]] <- column
    }
    labels <- a[["row.names"]]
    ride <- a[[.ride]]
    if (!identical(ride$kind, "table")) ride <- NULL
    index <- if (!is.null(ride$index) && identical(labels, ride$labels)) ride$index
             else if (n == 0L || .row_names_info(x, 1L) < 0L) NULL
             else list(if (!is.null(ride$index) && length(ride$index[[1L]]) == 1L) ride$index[[1L]] else NA_character_, list(labels))
    extra <- a[setdiff(names(a), c("names", "class", "row.names", .ride, ".internal.selfref", "index", "sorted"))]
    attrs <- c(ride$attrs, extra[!names(extra) %in% names(ride$attrs)])
    names(notes) <- names
    notes <- notes[lengths(notes) > 0L]
    if (length(notes)) {
        left <- attrs[["columns"]]  # what came as a note and could be no attribute of a column
        if (!is.null(left) && (is.null(ride$attrs[["columns"]]) || !is_mapping(left) || any(names(left) %in% names(notes)))) return(list(10L))
        attrs[["columns"]] <- c(left, notes)
    }
    list(8L, n, columns, names, index, if (is.null(attrs)) list() else attrs, if (is.null(ride$hint)) "" else ride$hint, as.character(ride$nullable))
}

plan_dataset <- function(x) {
    ride <- attr(x, .ride)
    coords <- list()
    vars <- list()
    for (key in names(x)) {
        part <- plan(x[[key]])
        if (part[[1L]] != 6L) {
            if (!part[[1L]] %in% c(1L:5L, 12L)) return(list(10L))
            dims <- if (is.null(part[[3L]])) paste0("dim_", key) else paste0("dim_", key, "_", seq_along(part[[3L]]))
            vars[[key]] <- list(dims, x[[key]], list())
            next
        }
        for (own in names(part[[5L]])) {
            if (is.null(coords[[own]])) coords[[own]] <- part[[5L]][[own]]
            else if (!identical(coords[[own]][[2L]], part[[5L]][[own]][[2L]])) return(list(10L))
        }
        vars[[key]] <- list(part[[3L]], structure(list(part[[4L]]), class = "arcuate_plan"), part[[6L]])
    }
    sizes <- ride$sizes
    for (key in names(ride$coords)) if (is.null(coords[[key]]) && identical(ride$coords[[key]][[4L]], TRUE)) coords[[key]] <- ride$coords[[key]][1:3]
    list(7L, vars, coords, if (is.null(ride$attrs)) list() else ride$attrs)
}

plan_s4 <- function(x) {
    if (is.object(x) && inherits(x, "sparseMatrix") && identical(attr(class(x), "package"), "Matrix")) {
        kind <- class(x)[1L]
        if (!grepl("^[dln]g[CRT]Matrix$", kind)) {
            x <- tryCatch(methods::as(x, "generalMatrix"), error = function(e) NULL)
            if (is.null(x)) return(list(10L))
            kind <- class(x)[1L]
            if (!grepl("^[dln]g[CRT]Matrix$", kind)) return(list(10L))
        }
        if (!all(vapply(x@Dimnames, is.null, NA))) return(list(10L))
        values <- if (substr(kind, 1L, 1L) == "n") rep(TRUE, length(if (grepl("R", kind)) x@j else x@i)) else x@x
        return(switch(substr(kind, 3L, 3L),
            C = list(9L, 0L, x@Dim, values, x@i, x@p),
            R = list(9L, 1L, x@Dim, values, x@j, x@p),
            T = list(9L, 2L, x@Dim, values, x@i, x@j)))
    }
    list(10L)
}

# UTF-8 bytes of a character vector, each text followed by a NUL, and which are NA.
text_out <- function(x) {
    missing <- NULL
    if (anyNA(x)) { missing <- is.na(x); x[missing] <- "" }
    list(writeBin(enc2utf8(x), raw(), useBytes = TRUE), missing)
}

# --- in -------------------------------------------------------------------------------------------------------------

text_in <- function(bytes, n, ascii) {
    x <- readBin(bytes, "character", n)
    if (!ascii) Encoding(x) <- "UTF-8"
    x
}

set_missing <- function(x, mask) { x[as.logical(mask)] <- NA; x }

make_datetime <- function(x, zone, unit) {
    tz <- if (nzchar(zone)) zone else "UTC"
    if (!nzchar(zone) || unit != "us") attr(tz, .ride) <- c(if (nzchar(zone)) "zoned" else "naive", unit)
    if (nzchar(zone) && grepl("^[+-][0-9]", zone)) {
        # R knows offsets as "Etc/GMT-2" (with the sign turned) for whole hours only; the clock is shown in UTC otherwise
        hours <- as.integer(sub("^([+-])([0-9]{2}):?.*", "\\1\\2", zone))
        whole <- grepl("^[+-][0-9]{2}(:?00)?$", zone)
        tz <- structure(if (whole && hours != 0L) sprintf("Etc/GMT%+d", -hours) else "UTC", arcuate = c("zoned", unit, zone))
    }
    attr(x, "tzone") <- tz
    class(x) <- c("POSIXct", "POSIXt")
    x
}

make_date <- function(x) { class(x) <- "Date"; x }

make_duration <- function(x, units, unit) {
    if (nzchar(unit)) attr(units, .ride) <- unit
    attr(x, "units") <- units
    class(x) <- "difftime"
    x
}

make_factor <- function(codes, levels, ordered) {
    attr(codes, "levels") <- levels
    class(codes) <- if (ordered) c("ordered", "factor") else "factor"
    codes
}

# Categories that are no text keep their type beside the levels.
make_typed_factor <- function(codes, categories, ordered) {
    make_factor(codes, structure(label_text(categories, Inf), arcuate = categories), ordered)
}

label_text <- function(x, limit = .labels_limit) {
    if (is.character(x) && is.null(attributes(x))) return(if (anyNA(x)) replace(x, is.na(x), "NA") else x)
    if (is.null(attributes(x))) return(as.character(x))
    if (length(x) > limit) return(NULL)
    as.character(if (inherits(x, "POSIXct")) format(x, "%Y-%m-%d %H:%M:%OS") else if (inherits(x, "difftime")) format(bare(x)) else x)
}

make_labelled <- function(name, dims, data, coords, attrs) {
    if (length(dims) == 0L) {
        attr(data, .ride) <- list(kind = "labelled", name = name, dims = dims, shape = integer(), labels = list(), coords = coords, attrs = attrs)
        return(data)
    }
    shape <- if (is.null(dim(data))) length(data) else dim(data)
    labels <- vector("list", length(dims))
    typed <- FALSE
    for (i in seq_along(dims)) {
        variable <- coords[[dims[i]]]
        if (!is.null(variable) && identical(variable[[1L]], dims[i])) {
            text <- label_text(variable[[2L]])
            if (!is.null(text)) labels[[i]] <- text
            if (!identical(text, variable[[2L]]) || length(variable[[3L]])) typed <- TRUE
        }
    }
    if (identical(attrs$r_class, "ts") && identical(dims[1L], names(coords)[1L])) {
        series <- make_ts(data, coords[[1L]][[2L]], attrs$frequency, if (length(dims) == 2L) labels[[2L]])
        if (!is.null(series)) {
            attr(series, .ride) <- list(kind = "labelled", name = name, dims = dims, shape = shape, labels = labels, coords = coords, attrs = attrs, ts = TRUE)
            if (is.null(name) && length(coords) <= length(dims) && length(attrs) == 2L) attr(series, .ride) <- NULL
            return(series)
        }
    }
    names(labels) <- if (!identical(dims, paste0("dim_", seq_along(dims) - 1L))) dims
    plain <- is.null(name) && length(attrs) == 0L && !typed && identical(names(coords), dims[dims %in% names(coords)])
    plain <- plain && all(nzchar(dims))
    if (plain && length(dims) == 1L && is.null(names(labels)) && !is.null(labels[[1L]])) {
        names(data) <- labels[[1L]]
        return(data)
    }
    dim(data) <- shape
    dimnames(data) <- labels
    table <- identical(attrs$r_class, "table")
    if (table) { class(data) <- "table"; plain <- is.null(name) && length(attrs) == 1L && !typed && identical(names(coords), dims[dims %in% names(coords)]) }
    if (!plain) {
        ride <- list(kind = "labelled", name = name, dims = dims, shape = shape, labels = dimnames(data), coords = coords, attrs = attrs)
        if (!table && !is.null(attrs$r_class)) ride$other <- TRUE  # an attribute like any other, not R's class
        attr(data, .ride) <- ride
    }
    data
}

# A time series again, where the times are still evenly spaced.
make_ts <- function(data, times, frequency, columns) {
    n <- NROW(data)
    if (!is.numeric(times) || !is.numeric(frequency) || length(frequency) != 1L || length(times) != n || n == 0L) return(NULL)
    step <- 1 / frequency
    if (anyNA(times) || any(abs(times - (times[1L] + step * (seq_len(n) - 1L))) > step * 1e-3)) return(NULL)
    if (!is.null(dim(data)) && !is.null(columns)) colnames(data) <- columns
    stats::ts(data, start = times[1L], frequency = frequency)
}

make_dataset <- function(vars, coords, attrs) {
    used <- character()
    arrays <- lapply(vars, function(variable) {
        mine <- coords[vapply(coords, function(coord) all(coord[[1L]] %in% variable[[1L]]), NA)]
        make_labelled(NULL, variable[[1L]], variable[[2L]], mine, variable[[3L]])
    })
    for (variable in vars) used <- c(used, names(coords)[vapply(coords, function(coord) all(coord[[1L]] %in% variable[[1L]]), NA)])
    rest <- lapply(names(coords), function(key) c(coords[[key]], list(!key %in% used)))
    names(rest) <- names(coords)
    structure(arrays, names = names(vars), class = "arcuate_dataset", arcuate = list(kind = "dataset", coords = rest, attrs = attrs))
}

make_table <- function(n, columns, index, attrs, hint, nullable) {
    rows <- .set_row_names(n)
    if (!is.null(index)) {
        first <- index[[2L]][[1L]]
        single <- length(index[[2L]]) == 1L
        rows <- if (single && is.integer(first) && is.null(attributes(first)) && !anyNA(first) && !anyDuplicated(first)) first
                else if (single && !anyNA(first) && !is.null(text <- label_text(first)) && !anyDuplicated(text)) text
                else as.character(seq_len(n))
    }
    left <- attrs[["columns"]]
    if (is_mapping(left)) {
        done <- logical(length(left))
        for (k in seq_along(left)) {
            i <- match(names(left)[k], names(columns))
            if (!is.na(i) && !is.null(column <- with_note(columns[[i]], left[[k]]))) { columns[[i]] <- column; done[k] <- TRUE }
        }
        if (any(done)) attrs[["columns"]] <- if (!all(done)) left[!done]
    }
    attr(columns, "row.names") <- rows
    class(columns) <- "data.frame"
    if (!is.null(index) || length(attrs) || length(nullable) || !hint %in% c("", "pandas"))
        attr(columns, .ride) <- list(kind = "table", index = index, labels = attr(columns, "row.names"), attrs = attrs, hint = hint, nullable = nullable)
    columns
}

make_sparse <- function(format, dim, x, i, p) {
    if (!requireNamespace("Matrix", quietly = TRUE))
        stop_code("CONVERSION", "a sparse matrix needs R's package Matrix, which is not installed; type install.packages(\"Matrix\") in R, or send it dense")
    kind <- if (is.logical(x)) "l" else "d"
    made <- function() switch(format + 1L,
        methods::new(paste0(kind, "gCMatrix"), Dim = dim, x = x, i = i, p = p),
        methods::new(paste0(kind, "gRMatrix"), Dim = dim, x = x, j = i, p = p),
        methods::new(paste0(kind, "gTMatrix"), Dim = dim, x = x, i = i, j = p))
    tryCatch(made(), error = function(e) {  # unsorted or repeated indices
        counts <- rep.int(seq_along(diff(p)) - 1L, diff(p))
        if (format == 0L) Matrix::sparseMatrix(i = i, j = counts, x = x, dims = dim, index1 = FALSE, repr = "C")
        else Matrix::sparseMatrix(i = counts, j = i, x = x, dims = dim, index1 = FALSE, repr = "R")
    })
}

set_dim <- function(x, dim) { dim(x) <- dim; x }

print.arcuate_dataset <- function(x, ...) {
    cat("<labelled dataset>\n")
    for (key in names(x)) cat(" ", key, paste0("(", paste(names(dimnames(x[[key]])), dim(x[[key]]), sep = ": ", collapse = ", "), ")"), typeof(x[[key]]), "\n")
    invisible(x)
}
