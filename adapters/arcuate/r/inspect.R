# Arcuate's own R code, part 3: looking at what is there: variables, elements, names, help.

# The function that a call by this name would reach.
get_function <- function(name) {
    parts <- strsplit(name, ":::?")[[1L]]
    found <- tryCatch(
        if (length(parts) == 2L && grepl(":::", name, fixed = TRUE)) get(parts[2L], envir = asNamespace(parts[1L]), mode = "function")
        else if (length(parts) == 2L) getExportedValue(parts[1L], parts[2L])
        else get(name, envir = .globals, mode = "function"), error = function(e) NULL)
    if (is.null(found)) stop_code("NAME_NOT_FOUND", "could not find function \"", name, "\"")
    found
}

get_variable <- function(name) {
    if (!exists(name, envir = .globals, inherits = FALSE))
        stop_code("NAME_NOT_FOUND", "the workspace has no variable '", name, "'",
                  if (exists(name, envir = .globals)) paste0("; one of an attached package is reached with eval(\"", name, "\")"))
    get(name, envir = .globals, inherits = FALSE)
}

delete_variable <- function(name) {
    if (!exists(name, envir = .globals, inherits = FALSE)) stop_code("NAME_NOT_FOUND", "the workspace has no variable '", name, "'")
    rm(list = name, envir = .globals)
    NULL
}

list_variables <- function() ls(.globals, sorted = TRUE)

is_package <- function(name) !is.na(match(name, loadedNamespaces())) || nzchar(system.file(package = name))

# Dots for underscores where Python cannot write dots: t_test finds t.test, if nothing else is meant.
settle_name <- function(name, among) {
    if (name %in% among) return(name)
    found <- among[gsub(".", "_", among, fixed = TRUE) == name]
    if (length(found) == 1L) found else NULL
}

package_names <- function(name) {
    space <- asNamespace(name)
    sort(unique(c(getNamespaceExports(space), if (!isBaseNamespace(space)) ls(space[[".__NAMESPACE__."]]$lazydata) else ls(baseenv()))))
}

from_package <- function(package, name) {
    if (!is_package(package)) stop_code("NAME_NOT_FOUND", "there is no variable or package '", package, "' in R; a package is installed with install.packages(\"", package, "\")")
    found <- settle_name(name, package_names(package))
    if (is.null(found)) stop_code("NAME_NOT_FOUND", "the package '", package, "' exports no '", name, "'")
    getExportedValue(package, found)
}

get_attribute <- function(x, name) {
    if (is.environment(x) && !isS4(x)) {
        if (exists(name, envir = x, inherits = FALSE)) return(get(name, envir = x, inherits = FALSE))
        found <- settle_name(name, ls(x, all.names = TRUE))
        if (!is.null(found)) return(get(found, envir = x, inherits = FALSE))
    } else if (isS4(x)) {
        if (name %in% methods::slotNames(x)) return(methods::slot(x, name))
        if (is.environment(x)) {
            value <- tryCatch(do.call(`$`, list(x, name)), error = function(e) .globals)
            if (!identical(value, .globals)) return(value)
        }
    } else if (is.list(x) || is.pairlist(x)) {
        found <- settle_name(name, names(x))
        if (!is.null(found)) return(.subset2(x, found))
    }
    value <- attr(x, name, exact = TRUE)
    if (!is.null(value)) return(value)
    among <- element_names(x)
    stop_code("NAME_NOT_FOUND", "this ", class(x)[1L], " has no element or attribute '", name, "'",
              if (length(among)) paste0("; it has ", paste(utils::head(among, 20L), collapse = ", ")))
}

attribute_of <- function(what, name) {
    if (is.character(what) && is.null(attributes(what)) && length(what) == 1L) {
        if (exists(what, envir = .globals, inherits = FALSE)) return(get_attribute(get(what, envir = .globals), name))
        return(from_package(what, name))
    }
    get_attribute(what, name)
}

set_attribute <- function(x, name, value) {
    if (is.environment(x) && !isS4(x)) { assign(name, value, envir = x); return(x) }
    if (isS4(x)) {
        if (name %in% methods::slotNames(x)) methods::slot(x, name) <- value
        else do.call(`$<-`, list(x, name, value))
        return(x)
    }
    if (is.list(x) && (name %in% names(x) || !name %in% names(attributes(x)))) x[[name]] <- value
    else attr(x, name) <- value
    x
}

index_of <- function(x, args) do.call(`[[`, c(list(x), args), quote = TRUE)

element_names <- function(x) {
    found <- if (is.environment(x)) ls(x) else if (isS4(x)) methods::slotNames(x) else names(x)
    if (is.environment(x) && isS4(x)) found <- c(found, tryCatch(names(class(x)@refMethods), error = function(e) NULL))
    as.character(found)
}

names_of <- function(what, prefix) {
    found <- if (is.character(what) && is.null(attributes(what)) && length(what) == 1L) {
        if (!nzchar(what)) unique(c(unlist(lapply(search(), function(place) ls(place))), loadedNamespaces()))
        else if (exists(what, envir = .globals, inherits = FALSE)) element_names(get(what, envir = .globals))
        else if (is_package(what)) package_names(what)
        else stop_code("NAME_NOT_FOUND", "there is no variable or package '", what, "' in R")
    } else element_names(what)
    sort(found[startsWith(found, prefix)])
}

shown <- function(x) paste(utils::capture.output(if (isS4(x)) methods::show(x) else print(x)), collapse = "\n")

summary_of <- function(x) {
    text <- if (is.function(x)) paste(utils::head(deparse(args(x)), -1L), collapse = " ")
            else if (is.environment(x)) paste0(class(x)[1L], " with ", length(ls(x)), " members")
            else if (is.list(x) && length(names(x))) paste0("list of ", length(x), ": ", paste(utils::head(names(x), 12L), collapse = ", "))
            else if (is.language(x)) short(x)
            else paste0(class(x)[1L], if (is.null(dim(x))) paste0(" of length ", length(x)) else paste0(" of ", paste(dim(x), collapse = "x")))
    if (nchar(text) > 200L) paste0(substr(text, 1L, 200L), "...") else text
}

handle_info <- function(x) list(enc2utf8(as.character(class(x))), enc2utf8(tryCatch(summary_of(x), error = function(e) class(x)[1L])), is.function(x))

describe <- function(what, brief) {
    none <- list(name = "", kind = "", doc = "", signature = "", parameters = list())
    if (is.function(what)) return(describe_function("", what, NULL, NULL))
    if (!(is.character(what) && length(what) == 1L)) { none$kind <- "variable"; none$doc <- summary_of(what); return(none) }
    package <- NULL
    name <- what
    f <- NULL
    if (grepl(":::?", what)) {
        parts <- strsplit(what, ":::?")[[1L]]
        package <- parts[1L]
        if (!is_package(package)) return(none)
        found <- settle_name(parts[2L], if (grepl(":::", what, fixed = TRUE)) ls(asNamespace(package), all.names = TRUE) else package_names(package))
        if (is.null(found)) return(none)
        name <- found
        f <- if (grepl(":::", what, fixed = TRUE)) get(name, envir = asNamespace(package)) else getExportedValue(package, name)
        full <- paste0(package, if (grepl(":::", what, fixed = TRUE)) ":::" else "::", name)
    } else {
        if (exists(name, envir = .globals, mode = "function")) f <- get(name, envir = .globals, mode = "function")
        else if (exists(name, envir = .globals)) f <- get(name, envir = .globals)
        else if (!is_package(name)) {
            found <- settle_name(name, unique(unlist(lapply(search(), function(place) ls(place)))))
            if (is.null(found)) return(none)
            name <- found
            f <- get(name, envir = .globals)
        } else {
            if (nzchar(brief)) return(list(name = name, kind = "package", doc = "", signature = "", parameters = list()))
            description <- utils::packageDescription(name)
            return(list(name = name, kind = "package", doc = paste0(description$Title, "\n\n", description$Description, "\n\nVersion ", description$Version), signature = "", parameters = list()))
        }
        full <- name
        home <- environment(f)
        package <- if (is.primitive(f)) "base" else if (is.function(f) && isNamespace(topenv(home))) getNamespaceName(topenv(home))[[1L]]
    }
    if (nzchar(brief)) return(list(name = full, kind = if (is.function(f)) "function" else "variable", doc = "", signature = "", parameters = list()))
    if (!is.function(f)) return(list(name = full, kind = "variable", doc = paste0(summary_of(f), "\n\n", help_text(name, package)), signature = "", parameters = list()))
    describe_function(full, f, name, package)
}

describe_function <- function(full, f, topic, package) {
    form <- args(f)
    formal <- if (is.null(form)) NULL else formals(form)
    after <- FALSE
    parameters <- list()
    for (name in names(formal)) {
        kind <- if (name == "...") { after <- TRUE; "var" } else if (after) "keyword" else "positional"
        parameters[[length(parameters) + 1L]] <- list(name = name, kind = kind, default = if (identical(formal[[name]], quote(expr = ))) NULL else enc2utf8(paste(deparse(formal[[name]], width.cutoff = 500L), collapse = " ")))
    }
    signature <- if (is.null(form)) "" else sub("^function ?", if (nzchar(full)) full else "function", trimws(paste(trimws(utils::head(deparse(form, width.cutoff = 500L), -1L)), collapse = " ")))
    list(name = full, kind = "function", doc = if (is.null(topic)) "" else help_text(topic, package), signature = enc2utf8(signature), parameters = parameters)
}

help_text <- function(topic, package) tryCatch({
    page <- if (is.null(package)) utils::help((topic)) else utils::help((topic), package = (package))
    if (length(page) == 0L) return("")
    rd <- utils:::.getHelpFile(page[[1L]])
    file <- tempfile()
    on.exit(unlink(file))
    tools::Rd2txt(rd, out = file, options = list(underline_titles = FALSE), outputEncoding = "UTF-8")
    lines <- readLines(file, encoding = "UTF-8")
    enc2utf8(trimws(paste(gsub("_\b", "", lines), collapse = "\n")))
}, error = function(e) "")
