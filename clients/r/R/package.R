#' Call other languages through an Arcuate hub
#'
#' `con <- arcuate_connect("http://host:8080/python")` opens a session, `arcuate_call(con, "f", ...)` calls a function there.
#'
#' @keywords internal
#' @useDynLib arcuate, .registration = TRUE
#' @rawNamespace S3method(print, arcuate_dataset)
"_PACKAGE"

# What the C code asks for while a message is made or read: the session that it belongs to.
the <- new.env(parent = emptyenv())
the$state <- NULL

.onLoad <- function(libname, pkgname) .Call(C_setup, environment(.onLoad))

# As `x` unless that is NULL.
either <- function(x, otherwise) if (is.null(x)) otherwise else x

# Runs code while a session is the one that functions and handles belong to.
with_state <- function(state, code) {
    before <- the$state
    on.exit(the$state <- before)
    the$state <- state
    code
}

random_hex <- function(bytes) {
    # R's random numbers are the user's: their state is not touched
    source <- tryCatch(file("/dev/urandom", "rb"), error = function(e) NULL, warning = function(w) NULL)
    if (!is.null(source)) {
        on.exit(close(source))
        return(paste(readBin(source, "raw", bytes), collapse = ""))
    }
    seed <- get0(".Random.seed", globalenv(), inherits = FALSE)
    on.exit(if (is.null(seed)) rm(".Random.seed", envir = globalenv()) else assign(".Random.seed", seed, envir = globalenv()))
    set.seed(NULL)
    paste(as.raw(sample.int(256L, bytes, TRUE) - 1L), collapse = "")
}

now <- function() as.double(proc.time()[[3L]])

# Seconds, as fine as the system has them: only differences mean something.
clock <- function() as.double(Sys.time())

# Adds what some code takes to the client's own share, if somebody measures it.
counted <- function(state, code) {
    if (is.null(state$own)) return(code)
    start <- clock()
    out <- code
    state$own <- state$own + clock() - start
    out
}

# The zone of this machine, which values.R asks for where a time has none. R's own function asks systemd first, which says
# so on the terminal where it is not there.
Sys.timezone <- function() {
    zone <- Sys.getenv("TZ")
    if (nzchar(zone)) return(sub("^:", "", zone))
    if (is.null(the$zone)) {
        link <- Sys.readlink("/etc/localtime")
        file <- tryCatch(readLines("/etc/timezone", n = 1L, warn = FALSE), error = function(e) "", warning = function(w) "")
        the$zone <- if (grepl("/zoneinfo/", link)) sub(".*/zoneinfo/", "", link)
                    else if (length(file) && nzchar(file)) file
                    else suppressWarnings(base::Sys.timezone())
    }
    the$zone
}
