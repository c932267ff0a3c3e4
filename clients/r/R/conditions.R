# One class of condition for each of the closed codes.
.classes <- c(
    INVALID_ARGUMENT = "InvalidArgument", ENVIRONMENT_NOT_FOUND = "EnvironmentNotFound", NAME_NOT_FOUND = "NameNotFound",
    REMOTE_ERROR = "RemoteError", CONVERSION = "ConversionError", ENVIRONMENT_CRASHED = "EnvironmentCrashed",
    CALL_TIMEOUT = "CallTimeout", CALL_CANCELLED = "CallCancelled", CONNECTION_LOST = "ConnectionLost",
    AUTHENTICATION_FAILED = "AuthenticationFailed", PERMISSION_DENIED = "PermissionDenied", RATE_LIMITED = "RateLimited",
    LIMIT_EXCEEDED = "LimitExceeded", SESSION_CLOSED = "SessionClosed", STALE_HANDLE = "StaleHandle",
    UNAVAILABLE = "Unavailable", UNSUPPORTED = "Unsupported", PROTOCOL_ERROR = "ProtocolError", INTERNAL = "InternalError")

#' Errors of Arcuate
#'
#' Every error is a condition of the class of its code, `arcuate_error`, `error` and `condition`, so that
#' `tryCatch(..., arcuate_RemoteError = function(e) ...)` catches what the other language raised and
#' `arcuate_error` catches all. Its fields:
#'
#' - `code`: the closed code, as `"REMOTE_ERROR"`,
#' - `message`: as a user of the other language would see it; with `conditionMessage()`,
#' - `class`: the classes that the error had there, `stack`: the calls there, outermost first,
#' - `executed`: `"no"`, `"yes"` or `"maybe"`: whether the call was carried out,
#' - `path`: where in the arguments or the result the value is that cannot travel, as `"$.args[0].weights"`,
#' - `setting`: the limit that was exceeded,
#' - `workspace`: `FALSE` when the workspace there was lost, `NA` when it was not touched.
#'
#' The classes are `arcuate_InvalidArgument`, `arcuate_EnvironmentNotFound`, `arcuate_NameNotFound`,
#' `arcuate_RemoteError`, `arcuate_ConversionError`, `arcuate_EnvironmentCrashed`, `arcuate_CallTimeout`,
#' `arcuate_CallCancelled`, `arcuate_ConnectionLost`, `arcuate_AuthenticationFailed`, `arcuate_PermissionDenied`,
#' `arcuate_RateLimited`, `arcuate_LimitExceeded`, `arcuate_SessionClosed`, `arcuate_StaleHandle`,
#' `arcuate_Unavailable`, `arcuate_Unsupported`, `arcuate_ProtocolError` and `arcuate_InternalError`.
#'
#' @examples
#' tryCatch(arcuate_connect("nonsense"), arcuate_InvalidArgument = function(e) conditionMessage(e))
#' @name arcuate_conditions
NULL

make_error <- function(code, message, executed = "no", path = "", setting = "", class = character(), stack = character(),
                       language = "", identifier = "", workspace = NA) {
    name <- if (code %in% names(.classes)) .classes[[code]] else "InternalError"
    structure(class = c(paste0("arcuate_", name), "arcuate_error", "error", "condition"),
              list(message = message, call = NULL, code = if (code %in% names(.classes)) code else "INTERNAL",
                   class = class, stack = stack, executed = executed, path = path, setting = setting,
                   language = language, identifier = identifier, workspace = workspace))
}

raise <- function(code, ..., executed = "no", path = "", setting = "") {
    stop(make_error(code, paste0(...), executed = executed, path = path, setting = setting))
}

# The error in a message of the hub.
error_of <- function(fields) {
    text <- function(name) if (is.character(fields[[name]]) && length(fields[[name]]) == 1L) fields[[name]] else ""
    texts <- function(name) if (is.character(fields[[name]])) fields[[name]] else character()
    make_error(text("code"), text("message"), executed = if (nzchar(text("executed"))) text("executed") else "maybe",
               path = text("path"), setting = text("setting"), class = texts("class"), stack = texts("stack"),
               language = text("language"), identifier = text("identifier"),
               workspace = if (is.logical(fields[["workspace"]])) fields[["workspace"]] else NA)
}

# --- called from C and from values.R --------------------------------------------------------------------------------

stop_from_c <- function(code, message, path, setting) raise(code, message, path = path, setting = setting)

stop_code <- function(code, ...) raise(code, ..., path = .Call(C_where))

# A value for which values.R knows no faithful form. A worker would keep it and send a handle; a client cannot.
refuse_value <- function(x) {
    found <- if (is.list(x) && !is.null(names(x)) && anyDuplicated(names(x)))
        paste0("a list with the name \"", names(x)[anyDuplicated(names(x))], "\" twice")
    else if (is.list(x) && anyNA(names(x))) "a list with a missing name"
    else paste0("a value of class \"", paste(class(x), collapse = "\", \""), "\"")
    raise("CONVERSION", found, " has no form in other languages; send its parts, or a function (a closure) that works on it",
          path = .Call(C_where))
}

native_is_utf8 <- function() {
    info <- l10n_info()
    isTRUE(info[["UTF-8"]]) || !(isTRUE(info[["Latin-1"]]) || isTRUE(info[["MBCS"]]) || nzchar(either(info[["codeset"]], "")) &&
                                 !info[["codeset"]] %in% c("ANSI_X3.4-1968", "US-ASCII", "C", "646"))
}

# A text in the encoding of the locale as UTF-8; NA where it is none.
from_native <- function(x) {
    if (isTRUE(l10n_info()[["Latin-1"]])) iconv(x, "latin1", "UTF-8") else iconv(x, "", "UTF-8")
}
