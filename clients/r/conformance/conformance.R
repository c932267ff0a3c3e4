# The program that `arcuate matrix` drives: clients/CONFORMANCE.md says how. It judges nothing.

suppressPackageStartupMessages(library(arcuate))
input <- file("stdin", "rb")
output <- pipe("cat", "wb")  # R has no binary connection to its standard output

encode <- function(x) .Call(arcuate:::C_encode_value, x)
decode <- function(frame) .Call(arcuate:::C_decode_value, frame, c(2147483648, 68719476736, 2e7, 1073741824, 64))

con <- NULL
handles <- list()
printed <- list()
shift <- function(x, default = NULL) if (is.null(x)) default else x
hear <- function(text, stream) printed[[length(printed) + 1L]] <<- c(stream, text)
heard <- function(streams) paste(vapply(Filter(function(one) one[1L] %in% streams, printed), `[`, "", 2L), collapse = "")
unsupported <- function(why) stop(structure(class = c("unsupported", "error", "condition"), list(message = why, call = NULL)))

at <- "call"
placed <- function(where, code) {
    before <- at
    at <<- where
    out <- code
    at <<- before
    out
}

given <- function(value) {
    bytes <- if (!is.null(value$file)) readBin(value$file, "raw", file.size(value$file)) else jsonlite::base64_dec(value$bytes)
    placed("decode", decode(bytes))
}

shown <- function(x, out = NULL) {
    bytes <- placed("encode", encode(x))
    if (is.null(out)) return(list(bytes = gsub("\n", "", jsonlite::base64_enc(bytes), fixed = TRUE)))
    writeBin(bytes, out)
    list(file = out)
}

argument <- function(one) {
    if (!is.null(one$handle)) handles[[one$handle]]
    else if (identical(one$`function`, "identity")) function(x) x
    else if (identical(one$`function`, "fail")) function(...) stop("native failure")
    else if (!is.null(one$`function`)) unsupported(paste("no function", one$`function`))
    else given(one)
}

answered <- function(x, request) {
    nargout <- shift(request$nargout, 1)
    out <- if (inherits(x, "arcuate_handle")) {
        handles[[length(handles) + 1L]] <<- x
        info <- unclass(x)$handle$info
        list(handle = length(handles), class = as.list(shift(info$class, list())), summary = arcuate_show(x))
    } else if (nargout == 0) list()
    else if (nargout > 1) list(values = lapply(x, shown))
    else list(value = shown(x, request$out))
    c(out, list(output = heard(c("stdout", "stderr", "message"))))
}

ops <- list(
    hello = function(r) list(client = "r", version = as.character(utils::packageVersion("arcuate")), protocol = 1,
                             runtime = paste0("R ", R.version$major, ".", R.version$minor)),
    decode = function(r) list(value = shown(given(r$value), r$out)),
    connect = function(r) {
        if (!is.null(con)) arcuate_close(con)
        handles <<- list()
        con <<- arcuate_connect(r$url, token = r$token, ca = r$ca, curve = r$server_key, options = shift(r$options, list()),
                                timeout = shift(r$timeout, 60), on_output = hear)
        state <- unclass(con)$state
        list(language = shift(state$language, ""), version = shift(state$version, ""))
    },
    environments = function(r) list(environments = as.list(arcuate_environments(con)$name)),
    describe = function(r) {
        found <- arcuate_describe(con, r$name)
        list(signature = shift(found$signature, ""), help = shift(found$doc, ""))
    },
    call = function(r) {
        f <- if (!is.null(r$target)) handles[[r$target]] else r$name
        args <- lapply(shift(r$args, list()), argument)
        named <- lapply(shift(r$named, list()), argument)
        value <- do.call(arcuate_call, c(list(con, f), args, list(.named = named, .nargout = shift(r$nargout, 1),
                         .keep = isTRUE(r$keep), .timeout = r$timeout)), quote = TRUE)
        answered(value, r)
    },
    eval = function(r) answered(arcuate_eval(con, r$code, .nargout = shift(r$nargout, 1), .keep = isTRUE(r$keep), .timeout = r$timeout), r),
    run = function(r) {
        live <- FALSE
        call <- arcuate_submit_run(con, r$code, .timeout = r$timeout, .on_output = function(text, stream) {
            if (is.null(unclass(con)$state$answers[[as.character(call$call$id)]])) live <<- TRUE
            hear(text, stream)
        })
        arcuate_value(call)
        list(output = list(stdout = heard("stdout"), stderr = heard("stderr")), live = live)
    },
    set = function(r) { arcuate_set(con, r$name, given(r$value)); list() },
    get = function(r) {
        value <- arcuate_get(con, r$name)
        if (inherits(value, "arcuate_handle")) answered(value, r) else list(value = shown(value, r$out))
    },
    delete = function(r) { arcuate_remove(con, r$name); list() },
    list = function(r) list(names = as.list(arcuate_list(con))),
    release = function(r) { arcuate_release(handles[[r$handle]]); list() },
    cancel = function(r) {
        begun <- FALSE
        call <- arcuate_submit_run(con, r$code, .on_output = function(text, stream) if (grepl("begun", text)) begun <<- TRUE)
        while (!begun && !arcuate_ready(call, 0.1)) NULL
        arcuate_cancel(call)
        arcuate_value(call)
        list()
    },
    publish = function(r) list(sequence = arcuate_publish(con, r$topic, given(r$value))),
    subscribe = function(r) {
        samples <- arcuate_subscribe(con, r$topic, from = r$from)
        on.exit(arcuate_unsubscribe(samples))
        list(samples = lapply(seq_len(r$count), function(i) {
            one <- arcuate_next(samples, shift(r$timeout, 30))
            list(sequence = one$sequence, lost = one$lost, value = shown(one$value))
        }))
    },
    measure = function(r) {
        value <- given(r$value)
        state <- unclass(con)$state
        bytes <- function() sum(as.double(state$own))
        arcuate_call(con, r$name, value)
        seconds <- own <- numeric()
        for (i in seq_len(r$repeat_)) {
            state$own <- 0
            start <- arcuate:::clock()
            arcuate_call(con, r$name, value)
            seconds <- c(seconds, arcuate:::clock() - start)
            own <- c(own, state$own)
        }
        state$own <- NULL
        list(seconds = as.list(seconds), own = as.list(own))
    },
    close = function(r) { if (!is.null(con)) arcuate_close(con); con <<- NULL; list() })

failed <- function(e) list(error = list(code = e$code, message = conditionMessage(e), class = as.list(e$class), stack = as.list(e$stack),
                                        executed = e$executed, path = e$path, setting = e$setting), where = at)

# The class by which a program that uses the client would catch it.
caught <- function(handler, code) tryCatch(code, arcuate_RemoteError = handler("arcuate_RemoteError"), arcuate_NameNotFound = handler("arcuate_NameNotFound"),
    arcuate_ConversionError = handler("arcuate_ConversionError"), arcuate_CallTimeout = handler("arcuate_CallTimeout"),
    arcuate_CallCancelled = handler("arcuate_CallCancelled"), arcuate_ConnectionLost = handler("arcuate_ConnectionLost"),
    arcuate_InvalidArgument = handler("arcuate_InvalidArgument"), arcuate_EnvironmentNotFound = handler("arcuate_EnvironmentNotFound"),
    arcuate_EnvironmentCrashed = handler("arcuate_EnvironmentCrashed"), arcuate_AuthenticationFailed = handler("arcuate_AuthenticationFailed"),
    arcuate_PermissionDenied = handler("arcuate_PermissionDenied"), arcuate_RateLimited = handler("arcuate_RateLimited"),
    arcuate_LimitExceeded = handler("arcuate_LimitExceeded"), arcuate_SessionClosed = handler("arcuate_SessionClosed"),
    arcuate_StaleHandle = handler("arcuate_StaleHandle"), arcuate_Unavailable = handler("arcuate_Unavailable"),
    arcuate_Unsupported = handler("arcuate_Unsupported"), arcuate_ProtocolError = handler("arcuate_ProtocolError"),
    arcuate_InternalError = handler("arcuate_InternalError"))

answer <- function(request) {
    printed <<- list()
    at <<- "call"
    op <- ops[[request$op]]
    if (is.null(op)) return(list(unsupported = paste("no op", request$op)))
    if (!is.null(request$feature)) return(list(unsupported = paste("no feature", request$feature)))
    request$repeat_ <- request$`repeat`
    tryCatch(caught(function(class) function(e) c(failed(e), list(caught = paste0("tryCatch(", class, " =)"))), op(request)),
        unsupported = function(e) list(unsupported = conditionMessage(e)),
        # an error of the client's own function in a callback comes back as it was
        simpleError = function(e) if (identical(conditionMessage(e), "native failure"))
            list(error = list(code = "REMOTE_ERROR", message = conditionMessage(e), class = as.list(class(e)), stack = list(), executed = "yes",
                              path = "", setting = ""), caught = "tryCatch(simpleError =)", where = "call")
            else list(crashed = paste(conditionMessage(e), "in", paste(deparse(conditionCall(e)), collapse = " "))),
        error = function(e) list(crashed = conditionMessage(e)))
}

repeat {
    size <- readBin(input, "integer", 1L, 4L, endian = "little")
    if (!length(size)) break
    text <- rawToChar(readBin(input, "raw", size))
    Encoding(text) <- "UTF-8"
    request <- jsonlite::fromJSON(text, simplifyVector = FALSE)
    # warnings of the other side go to stderr, as R prints them
    result <- withCallingHandlers(answer(request), warning = function(w) { message("warning: ", conditionMessage(w)); invokeRestart("muffleWarning") })
    text <- enc2utf8(as.character(jsonlite::toJSON(c(list(id = request$id), result), auto_unbox = TRUE, digits = NA, null = "null")))
    bytes <- charToRaw(text)
    writeBin(length(bytes), output, endian = "little")
    writeBin(bytes, output)
    flush(output)
}
if (!is.null(con)) arcuate_close(con)
close(output)
