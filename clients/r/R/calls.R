# The value in an answer, or the values.
value_of <- function(state, answer, nargout = 1) {
    force(answer)  # before the warnings that came with it
    give_warnings(state)
    if (nargout == 1) return(counted(state, field_of(answer, "value", state$limits, state = state)))
    if (nargout == 0) return(invisible(NULL))
    values <- field_of(answer, "values", state$limits, state = state)
    if (is.list(values)) values else as.list(values)
}

call_fields <- function(f, args, named, nargout, keep) {
    fields <- if (inherits(f, "arcuate_handle")) list(target = f)
    else if (is.character(f) && length(f) == 1L && !is.na(f)) list(name = f)
    else raise("INVALID_ARGUMENT", "what is called is the name of a function or a handle, not ", class(f)[1L])
    names <- names(args)
    if (!is.null(names)) {
        own <- nzchar(names)
        named <- c(args[own], named)
        args <- unname(args[!own])
    }
    if (length(named) && (is.null(names(named)) || anyDuplicated(names(named)) || anyNA(names(named)) || !all(nzchar(names(named)))))
        raise("INVALID_ARGUMENT", "named arguments have names, each once")
    fields$args <- args
    if (length(named)) fields$named <- as.list(named)
    c(fields, controls(nargout, keep))
}

controls <- function(nargout, keep) {
    if (!is.numeric(nargout) || length(nargout) != 1L || !isTRUE(nargout >= 0 && nargout == floor(nargout)))
        raise("INVALID_ARGUMENT", ".nargout must be 0, 1, 2, ...")
    c(if (nargout != 1) list(nargout = as.double(nargout)), if (isTRUE(keep)) list(keep = TRUE))
}

need_session <- function(con) {
    state <- state_of(con)
    if (is.null(state$environment))
        raise("INVALID_ARGUMENT", "this connection has no environment; write its name behind the address, as ", state$link$name, "://", state$address, "/r")
    state
}

#' Call functions and run code in another language
#'
#' `arcuate_call()` calls a function by its name there (`"stats::quantile"`, `"numpy.linalg.norm"`) or a handle;
#' `arcuate_eval()` evaluates an expression and returns its value; `arcuate_run()` runs statements.
#'
#' Arguments and results arrive as they were, as `docs/types.md` lists, or the call fails with
#' `arcuate_ConversionError` and the path of the value. Functions of R can be arguments: they are called while the call
#' runs, and may call back themselves. An interrupt (Ctrl-C) cancels the call there.
#'
#' @param con a connection of [arcuate_connect()].
#' @param f the name of a function, or a handle.
#' @param ... its arguments, by position or by name.
#' @param .named more named arguments, a named list.
#' @param .nargout how many results are wanted; other than 1 they come as a list.
#' @param .keep whether the result stays there and a handle comes back.
#' @param .timeout seconds after which the call is stopped there.
#' @param .on_output as `on_output` of [arcuate_connect()], for this call.
#' @param code text in the other language.
#' @return The value, a list of `.nargout` values, or a handle (see [arcuate_attr()]). `arcuate_run()`: nothing.
#' @examples
#' \dontrun{
#' con <- arcuate_connect("http://127.0.0.1:8080/python")
#' arcuate_call(con, "math.hypot", 3, 4)
#' arcuate_call(con, "sorted", c(3, 1, 2), reverse = TRUE)
#' arcuate_call(con, "map", function(x) x + 1, c(1, 2), .keep = TRUE)
#' }
#' @export
arcuate_call <- function(con, f, ..., .named = list(), .nargout = 1, .keep = FALSE, .timeout = NULL, .on_output = NULL) {
    state <- need_session(con)
    answer <- request(state, "call", call_fields(f, list(...), .named, .nargout, .keep), .timeout, .on_output)
    value_of(state, answer, .nargout)
}

#' @rdname arcuate_call
#' @export
arcuate_eval <- function(con, code, .nargout = 1, .keep = FALSE, .timeout = NULL, .on_output = NULL) {
    state <- need_session(con)
    answer <- request(state, "eval", c(list(code = one_text(code)), controls(.nargout, .keep)), .timeout, .on_output)
    value_of(state, answer, .nargout)
}

#' @rdname arcuate_call
#' @export
arcuate_run <- function(con, code, .timeout = NULL, .on_output = NULL) {
    state <- need_session(con)
    request(state, "run", list(code = one_text(paste(code, collapse = "\n"))), .timeout, .on_output)
    give_warnings(state)
    invisible()
}

one_text <- function(x) {
    if (!is.character(x) || length(x) != 1L || is.na(x)) raise("INVALID_ARGUMENT", "a text is needed, not ", class(x)[1L], " of length ", length(x))
    x
}

#' Variables of the other interpreter
#'
#' `con[["x"]]` and `con[["x"]] <- value` are the short forms of `arcuate_get()` and `arcuate_set()`.
#'
#' @inheritParams arcuate_call
#' @param name the variable's name.
#' @param value its value.
#' @return `arcuate_get()`: the value; `arcuate_list()`: the names; the others the connection, invisibly.
#' @export
arcuate_get <- function(con, name, .keep = FALSE) {
    state <- need_session(con)
    value_of(state, request(state, "get", list(name = one_text(name), keep = if (.keep) TRUE)))
}

#' @rdname arcuate_get
#' @export
arcuate_set <- function(con, name, value) {
    state <- need_session(con)
    request(state, "set", list(name = one_text(name), value = value))
    give_warnings(state)
    invisible(con)
}

#' @rdname arcuate_get
#' @export
arcuate_remove <- function(con, name) {
    request(need_session(con), "delete", list(name = one_text(name)))
    invisible(con)
}

#' @rdname arcuate_get
#' @export
arcuate_list <- function(con) {
    state <- need_session(con)
    as.character(unlist(value_of(state, request(state, "list"))))
}

#' What a hub offers, and what a function there is
#'
#' @inheritParams arcuate_call
#' @param name the name of a function, a package or a variable.
#' @return `arcuate_environments()`: a data frame of `name`, `language`, `doc` and `eval`: whether code may be sent.
#'   `arcuate_describe()`: a list of `name`, `kind`, `doc`, `signature` and `parameters`.
#' @export
arcuate_environments <- function(con) {
    state <- state_of(con)
    found <- field_of(request(state, "environments"), "value", state$limits)
    text <- function(key) vapply(found, function(one) as.character(either(one[[key]], ""))[1L], "")
    data.frame(name = text("name"), language = text("language"), doc = text("doc"),
               eval = vapply(found, function(one) isTRUE(one$eval), NA), stringsAsFactors = FALSE)
}

#' @rdname arcuate_environments
#' @export
arcuate_describe <- function(con, name) {
    state <- need_session(con)
    found <- value_of(state, request(state, "describe", if (inherits(name, "arcuate_handle")) list(target = name) else list(name = one_text(name))))
    if (identical(found$kind, "")) raise("NAME_NOT_FOUND", "there is no '", name, "' there", executed = "yes")
    found
}

#' Calls in progress
#'
#' `arcuate_submit()` begins a call and returns at once; `arcuate_value()` waits for it. The calls of a connection run one
#' after the other in the other interpreter. While R does something else, nothing is read: callbacks and output are
#' served when R waits.
#'
#' @inheritParams arcuate_call
#' @param call what `arcuate_submit()` returned.
#' @return `arcuate_submit()`: a call in progress. `arcuate_value()`: its value, or its error is raised. `arcuate_cancel()`:
#'   nothing; `arcuate_value()` then raises `arcuate_CallCancelled`.
#' @export
arcuate_submit <- function(con, f, ..., .named = list(), .nargout = 1, .keep = FALSE, .timeout = NULL, .on_output = NULL) {
    state <- need_session(con)
    call <- begin(state, "call", call_fields(f, list(...), .named, .nargout, .keep), .timeout, .on_output, nested = FALSE)
    structure(list(call = call, state = state, nargout = .nargout), class = "arcuate_running")
}

#' @rdname arcuate_submit
#' @export
arcuate_submit_run <- function(con, code, .timeout = NULL, .on_output = NULL) {
    state <- need_session(con)
    call <- begin(state, "run", list(code = one_text(code)), .timeout, .on_output, nested = FALSE)
    structure(list(call = call, state = state, nargout = 0), class = "arcuate_running")
}

#' @rdname arcuate_submit
#' @export
arcuate_value <- function(call) {
    if (!inherits(call, "arcuate_running")) raise("INVALID_ARGUMENT", "this is no call of arcuate_submit()")
    value_of(call$state, finish(call$state, call$call), call$nargout)
}

#' @rdname arcuate_submit
#' @param seconds how long to wait.
#' @return `arcuate_ready()`: whether the answer is there, after waiting for at most `seconds` and serving what comes.
#' @export
arcuate_ready <- function(call, seconds = 0) {
    key <- as.character(call$call$id)
    end <- now() + seconds
    repeat {
        if (!is.null(call$state$answers[[key]])) return(TRUE)
        step_once(call$state, call$call)
        if (now() >= end) return(!is.null(call$state$answers[[key]]))
    }
}

#' @rdname arcuate_submit
#' @export
arcuate_cancel <- function(call) {
    if (!inherits(call, "arcuate_running")) raise("INVALID_ARGUMENT", "this is no call of arcuate_submit()")
    call$call$cancelled <- TRUE
    if (!call$call$asked) ask_to_stop(call$state, call$call, now() + .grace + .slack)
    invisible()
}

#' @export
print.arcuate_running <- function(x, ...) {
    cat("<arcuate call ", x$call$id, ">\n", sep = "")
    invisible(x)
}
