# Shows an R object as one text, by R's own means: every element exactly, every attribute that a user would meet.

arcuate_see <- function(x) {
    many <- function(parts) {
        all <- paste(parts, collapse = ",")
        if (length(parts) <= 20000L) return(all)
        file <- tempfile()
        on.exit(unlink(file))
        writeBin(charToRaw(all), file)
        paste0("md5:", unname(tools::md5sum(file)))
    }
    texts <- function(s) {
        out <- character(length(s))
        plain <- !is.na(s) & grepl("^[A-Za-z0-9 _.-]*\\z", s, perl = TRUE)
        out[plain] <- paste0("'", s[plain], "'")
        out[is.na(s)] <- "NA"
        for (i in which(!plain & !is.na(s)))
            out[i] <- paste0(nchar(s[i]), "x", paste(charToRaw(enc2utf8(s[i])), collapse = ""))
        out
    }
    doubles <- function(x) sprintf("%a", x)
    elements <- function(x) switch(typeof(x),
        logical = ifelse(is.na(x), "NA", ifelse(x, "T", "F")),
        integer = ifelse(is.na(x), "NA", sprintf("%d", x)),
        double = doubles(x),
        complex = ifelse(is.na(x) & !is.nan(x), "NA", paste(doubles(Re(x)), doubles(Im(x)))),
        character = texts(x))
    named <- function(x) paste(texts(names(x)), vapply(x, arcuate_see, ""), sep = "=", collapse = ",")
    variables <- function(coords) {
        shown <- vapply(coords, function(v) paste0(
            "(", many(texts(v[[1L]])), ") ", arcuate_see(v[[2L]]), " {", named(v[[3L]]), "}"), "")
        paste(texts(names(coords)), shown, sep = ": ", collapse = "; ")
    }

    if (is.null(x)) return("NULL")
    if (is.function(x)) return("function")
    if (isS4(x)) {
        slots <- intersect(c("Dim", "i", "j", "p", "x"), methods::slotNames(x))
        parts <- vapply(slots, function(name) paste0(name, "=", arcuate_see(methods::slot(x, name))), "")
        return(paste0("S4 ", class(x)[1L], " ", paste(parts, collapse = " ")))
    }
    a <- attributes(x)
    ride <- a$arcuate
    bare <- x
    attributes(bare) <- NULL
    n <- length(bare)
    if (typeof(bare) == "list") {
        body <- paste0("list ", n, " [", paste(vapply(bare, arcuate_see, ""), collapse = ","), "]")
    } else if (typeof(bare) == "raw") {
        body <- paste0("raw ", n, " [", paste(bare, collapse = ""), "]")
    } else if (typeof(bare) %in% c("logical", "integer", "double", "complex", "character")) {
        body <- paste0(typeof(bare), " ", n, " [", many(elements(bare)), "]")
    } else return(paste("object", class(x)[1L]))

    out <- body
    add <- function(name, text) out <<- paste0(out, " ", name, "=", text)
    if (!is.null(a$class)) add("class", many(texts(a$class)))
    if (!is.null(a$dim)) add("dim", many(a$dim))
    if (!is.null(a$names)) add("names", paste0("(", many(texts(a$names)), ")"))
    if (!is.null(a$levels)) {
        typed <- attr(a$levels, "arcuate")
        if (is.object(typed)) add("levels", arcuate_see(typed))  # times, whose texts are for people
        else add("levels", paste0("(", many(texts(as.vector(a$levels))), ")"))
    }
    if (!is.null(a$tzone)) add("tzone", texts(as.vector(a$tzone)))
    if (is.numeric(x) || inherits(x, "difftime")) if (!is.null(a$units)) add("units", texts(as.vector(a$units)))
    if (!is.null(a$dimnames)) {
        labels <- a$dimnames
        typed <- function(i) {
            coord <- ride$coords[[names(labels)[i]]]
            !is.null(coord) && !is.character(coord[[2L]])
        }
        each <- vapply(seq_along(labels), function(i) {
            if (is.null(labels[[i]])) "-" else if (!is.null(names(labels)) && typed(i)) "typed"
            else paste0("(", many(texts(labels[[i]])), ")")
        }, "")
        add("dimnames", paste0("(", paste(each, collapse = ","), ")"))
        if (!is.null(names(labels))) add("dims", paste0("(", many(texts(names(labels))), ")"))
    }
    if (is.list(ride) && identical(ride$kind, "labelled")) {
        add("name", if (is.null(ride$name)) "-" else texts(ride$name))
        add("coords", paste0("<", variables(ride$coords), ">"))
        add("attrs", paste0("{", named(ride$attrs), "}"))
    }
    if (is.list(ride) && identical(ride$kind, "dataset")) {
        add("coords", paste0("<", variables(ride$coords), ">"))
        add("attrs", paste0("{", named(ride$attrs), "}"))
    }
    if (inherits(x, "data.frame")) {
        add("rows", .row_names_info(x, 2L))
        index <- ride$index
        if (is.null(index)) add("row.names", if (.row_names_info(x, 1L) <= 0L) "-" else arcuate_see(a$row.names))
        else add("index", paste0("(", many(texts(index[[1L]])), ") ",
                                 paste(vapply(index[[2L]], arcuate_see, ""), collapse = ";")))
        add("attrs", paste0("{", named(ride$attrs), "}"))
    }
    out
}
