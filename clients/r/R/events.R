# What comes while a call runs: output, warnings, callbacks.

deliver <- function(state, call, event) {
    handler <- either(call$on_output, state$on_output)
    type <- event$type
    if (type %in% c("stdout", "stderr")) {
        if (is.function(handler)) handler(event$text, type)
        else if (type == "stdout") { cat(event$text); utils_flush() }
        else cat(event$text, file = stderr())
    } else if (type == "message") {
        if (is.function(handler)) handler(event$text, "message") else message(sub("\n$", "", event$text))
    } else if (type == "warning") {
        classes <- either(event$class, character())
        state$warnings[[length(state$warnings) + 1L]] <- structure(class = unique(c("arcuate_warning", setdiff(classes, c("warning", "condition")),
            "warning", "condition")), list(message = event$text, call = NULL))
    } else if (type == "dropped")
        state$warnings[[length(state$warnings) + 1L]] <- structure(class = c("arcuate_warning", "warning", "condition"),
            list(message = paste(event$count, "pieces of output were lost: they came faster than they were read"), call = NULL))
    if (is.function(state$on_event)) state$on_event(event)
}

utils_flush <- function() flush(stdout())

# Warnings of the other side, when the call is over: with options(warn = 2) one of them is an error.
give_warnings <- function(state) {
    if (length(state$parents)) return(invisible())
    found <- state$warnings
    state$warnings <- list()
    for (one in found) warning(one)
}

# --- functions of the client that the other side calls --------------------------------------------------------------

register_function <- function(f) {
    state <- the$state
    if (is.null(state))
        raise("CONVERSION", "a function can only be an argument of a call, since it is called back while that runs", path = .Call(C_where))
    for (id in names(state$functions)) if (identical(state$functions[[id]], f)) return(id)
    id <- paste0("r", length(state$functions) + 1L)
    state$functions[[id]] <- f
    id
}

# A function that comes back to its own side is the same again. One that nobody here knows stays what it is: a name.
own_function <- function(id, info) {
    found <- the$state$functions[[id]]
    if (is.null(found)) structure(list(id = id, info = info), class = "arcuate_function") else found
}

#' @export
print.arcuate_function <- function(x, ...) {
    cat("<function", either(x$info$name, x$id), "of another session>\n")
    invisible(x)
}

call_back <- function(state, message) {
    id <- message$head$id
    # the hub goes on, so it has the answer to the callback before
    state$pending[startsWith(names(state$pending), "callback")] <- NULL
    state$parents <- c(state$parents, id)
    calls <- NULL
    answer <- tryCatch({
        f <- state$functions[[message$head$`function`]]
        if (is.null(f)) raise("NAME_NOT_FOUND", "there is no function ", message$head$`function`, " here any more")
        args <- either(field_of(message, "args", state$limits, state = state), list())
        if (!is.list(args)) args <- as.list(args)
        named <- either(field_of(message, "named", state$limits, state = state), list())
        value <- withCallingHandlers(do.call(f, c(args, named), quote = TRUE), error = function(e) if (is.null(calls)) calls <<- sys.calls())
        fields <- list(op = "return", id = id, value = value)
        list(frame = with_state(state, state$link$encode(fields)), op = "return", id = id)
    }, error = function(e) {
        state$failed <- e
        raised(state, id, e, calls)
    }, interrupt = function(e) {
        for (call in state$waiting) call$cancelled <- TRUE
        raised(state, id, simpleError("interrupted"), NULL)
    })
    state$parents <- state$parents[-length(state$parents)]
    state$pending[[paste("callback", id)]] <- answer
    outer <- state$waiting[[as.character(either(message$head$call, 0))]]
    if (is.null(outer)) outer <- list(cancelled = FALSE, deadline = now() + .slack)
    transmit(state, answer, outer)
}

raised <- function(state, id, error, calls) {
    own <- inherits(error, "arcuate_error")
    fields <- list(op = "raise", id = id, code = if (own) error$code else "REMOTE_ERROR", message = enc2utf8(conditionMessage(error)),
                   class = as.list(class(error)), stack = as.list(shown_calls(calls)), language = "R")
    frame <- tryCatch(state$link$encode(fields), error = function(e) {
        fields$message <- "an error whose message is no text"
        state$link$encode(fields[names(fields) != "stack"])
    })
    list(frame = frame, op = "raise", id = id)
}

# The user's part of a stack of calls, one line each.
shown_calls <- function(calls) {
    lines <- vapply(calls, function(call) substr(paste(deparse(call, nlines = 1L), collapse = " "), 1L, 120L), "")
    from <- which(startsWith(lines, "do.call(f, c(args, named)"))
    if (length(from)) lines <- lines[-seq_len(from[length(from)])]
    until <- grep("^(\\.handleSimpleError|h\\(simpleError)", lines)
    if (length(until)) lines <- lines[seq_len(until[1L] - 1L)]
    enc2utf8(utils_tail(lines, 50L))
}

utils_tail <- function(x, n) if (length(x) > n) x[(length(x) - n + 1L):length(x)] else x

# The error of a callback that came back as a foreign error, or the error itself.
judge <- function(state, error) {
    failed <- state$failed
    if (!length(state$parents)) state$failed <- NULL
    if (inherits(error, "arcuate_RemoteError") && !is.null(failed)) {
        text <- tryCatch(conditionMessage(failed), error = function(e) "")
        if (nzchar(text) && grepl(text, error$message, fixed = TRUE)) return(failed)
    }
    error
}

# values.R asks a worker for this; here functions are registered before it sees one.
function_id <- function(f) NULL
