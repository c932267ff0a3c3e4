# Objects that stay in the other interpreter.

make_handle <- function(id, info) {
    handle <- new.env(parent = emptyenv())
    handle$id <- id
    handle$info <- info
    handle$state <- the$state
    handle$released <- FALSE
    reg.finalizer(handle, drop_handle)
    structure(list(handle = handle), class = "arcuate_handle")
}

# Nothing may be sent while R collects: the next request tells it.
drop_handle <- function(handle) {
    if (!handle$released && !is.null(handle$state)) {
        handle$released <- TRUE
        handle$state$dropped <- c(handle$state$dropped, handle$id)
    }
}

let_go <- function(state) {
    if (!length(state$dropped) || !state$connected) return(invisible())
    names <- state$dropped
    state$dropped <- character()
    tryCatch(send(state, list(op = "release", id = next_id(state), handles = as.list(names))),
             arcuate_ConnectionLost = function(e) { state$connected <- FALSE; state$dropped <- c(names, state$dropped) })
}

# How a handle is named in a message of the session that is being spoken to.
handle_name <- function(x) {
    handle <- unclass(x)$handle
    own <- handle$state
    if (handle$released) raise("STALE_HANDLE", "this object was released", path = .Call(C_where))
    if (is.null(the$state) || identical(the$state, own)) return(handle$id)
    if (!identical(the$state$hub$hub, own$hub$hub))
        raise("CONVERSION", "this object lives behind another hub", path = .Call(C_where))
    if (grepl("/", handle$id, fixed = TRUE)) handle$id else paste0(own$session, "/", handle$id)
}

state_of_handle <- function(x) {
    if (!inherits(x, "arcuate_handle")) raise("INVALID_ARGUMENT", "this is no handle of arcuate but ", class(x)[1L])
    unclass(x)$handle$state
}

ask_about <- function(x, op, fields = list(), ...) {
    state <- state_of_handle(x)
    value_of(state, request(state, op, c(list(target = x), fields), ...))
}

#' Objects that stay in the other interpreter
#'
#' A result that has no faithful form in R, or that `.keep = TRUE` asks to stay, comes as a handle. It can be an argument
#' of further calls, and be called, indexed and asked for attributes. It prints as it would there.
#'
#' @param x a handle.
#' @param name the name of an attribute (a member, a slot).
#' @param value its new value.
#' @param ... indices, in the convention of the other language: from 1 in R and Octave, from 0 in Python.
#' @param .keep whether the result stays there too.
#' @return `arcuate_attr()` and `arcuate_index()`: the value; `arcuate_show()`: the printed form as a text.
#'   `arcuate_release()`: nothing; the object may go there. R releases a handle when it is collected.
#' @export
arcuate_attr <- function(x, name, .keep = FALSE) ask_about(x, "attr", list(attribute = name, keep = if (.keep) TRUE))

#' @rdname arcuate_attr
#' @export
arcuate_set_attr <- function(x, name, value) {
    state <- state_of_handle(x)
    request(state, "setattr", list(target = x, attribute = name, value = value))
    invisible(x)
}

#' @rdname arcuate_attr
#' @export
arcuate_index <- function(x, ..., .keep = FALSE) ask_about(x, "index", list(args = list(...), keep = if (.keep) TRUE))

#' @rdname arcuate_attr
#' @export
arcuate_show <- function(x) ask_about(x, "show")

#' @rdname arcuate_attr
#' @export
arcuate_release <- function(x) {
    state <- state_of_handle(x)
    drop_handle(unclass(x)$handle)
    if (!state$closed && is.null(state$gone)) let_go(state)
    invisible()
}

#' @export
`$.arcuate_handle` <- function(x, name) arcuate_attr(x, name)

#' @export
`[[.arcuate_handle` <- function(x, ...) arcuate_index(x, ...)

#' @export
length.arcuate_handle <- function(x) 1L

#' @export
print.arcuate_handle <- function(x, ...) {
    handle <- unclass(x)$handle
    shown <- tryCatch(arcuate_show(x), arcuate_error = function(e) NULL)
    cat(if (is.character(shown) && length(shown) == 1L) sub("\n$", "", shown) else format(x), "\n", sep = "")
    invisible(x)
}

#' @export
format.arcuate_handle <- function(x, ...) {
    info <- unclass(x)$handle$info
    paste0("<", paste(c(info$language, either(info$class, "object")[1L]), collapse = " "), ">", if (length(info$summary)) paste0(" ", info$summary))
}
