# A hub of this repository, or the one whose ready file ARCUATE_TEST_READY names.

the_hub <- new.env()

missing_here <- function(reason) {
    if (identical(Sys.getenv("ARCUATE_REQUIRE"), "all")) stop("ARCUATE_REQUIRE=all allows no skip here. ", reason)
    testthat::skip(reason)
}

upwards <- function(path) {
    at <- normalizePath(getwd())
    for (i in 1:8) {
        if (file.exists(file.path(at, path))) return(file.path(at, path))
        at <- dirname(at)
    }
    ""
}

read_ready <- function(file) {
    text <- paste(readLines(file, warn = FALSE), collapse = "")
    found <- regmatches(text, gregexpr("\"([a-z]+)\": *\"([^\"]+)\"", text))[[1L]]
    parts <- strsplit(gsub("\"", "", found), ": *")
    stats::setNames(vapply(parts, function(one) paste(one[-1L], collapse = ":"), ""), vapply(parts, `[`, "", 1L))
}

hub <- function() {
    if (!is.null(the_hub$addresses)) return(the_hub$addresses)
    ready <- Sys.getenv("ARCUATE_TEST_READY")
    if (!nzchar(ready)) {
        program <- c(Sys.getenv("ARCUATE"), Sys.which("arcuate"), upwards(".venv/bin/arcuate"))
        program <- program[nzchar(program)]
        if (!length(program)) missing_here("arcuate: not installed; a hub is needed, pip install arcuate")
        ready <- tempfile()
        log <- tempfile()
        the_hub$pid <- system(paste("env -u LD_LIBRARY_PATH", shQuote(program[1L]), "serve --http 127.0.0.1:0 --zmq 127.0.0.1:0 --set limits.grace_seconds=1 --ready-file", shQuote(ready),
                                    ">", shQuote(log), "2>&1 & echo $!"), intern = TRUE)
        reg.finalizer(the_hub, function(e) tools::pskill(as.integer(e$pid)), onexit = TRUE)
        end <- Sys.time() + 30
        while (!file.exists(ready) || file.size(ready) == 0) {
            if (Sys.time() > end) stop("the hub did not start: ", paste(readLines(log), collapse = "\n"))
            Sys.sleep(0.05)
        }
    }
    the_hub$addresses <- read_ready(ready)
}

# A connection to an environment; on each transport in turn.
connected <- function(transport, environment = "python", ...) {
    if (transport == "zmq" && !requireNamespace("pbdZMQ", quietly = TRUE)) missing_here("pbdZMQ: not installed")
    arcuate_connect(paste0(hub()[[transport]], "/", environment), ...)
}

# One that several tests use, since it takes an interpreter to start.
shared <- function(transport) {
    name <- paste0("shared-", transport)
    if (is.null(the_hub[[name]])) the_hub[[name]] <- connected(transport)
    the_hub[[name]]
}

transports <- c("http", "zmq")

each_transport <- function(code) for (transport in transports) code(transport)

condition_of <- function(code) tryCatch({ code; NULL }, condition = identity)

there_and_back <- function(x) .Call(arcuate:::C_decode_value, .Call(arcuate:::C_encode_value, x), c(2147483648, 68719476736, 2e7, 1073741824, 64))

encoded <- function(x) .Call(arcuate:::C_encode_value, x)
decoded <- function(frame) .Call(arcuate:::C_decode_value, frame, c(2147483648, 68719476736, 2e7, 1073741824, 64))
