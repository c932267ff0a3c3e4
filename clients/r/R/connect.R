.schemes <- c("http", "https", "zmq", "zmq+ipc")
.ports <- c(http = 80L, https = 443L)

# The parts of an address: scheme://host:port/environment, or zmq+ipc:///folder/socket/environment.
parse_address <- function(url) {
    wrong <- function(...) raise("INVALID_ARGUMENT", ..., "; an address is http://host:8080/r, https://..., zmq://host:5555/r or zmq+ipc:///folder/socket/r")
    if (!is.character(url) || length(url) != 1L || is.na(url)) wrong("the address is no text")
    parts <- regmatches(url, regexec("^([a-z+]+)://(.*)$", url))[[1L]]
    if (length(parts) != 3L || !parts[2L] %in% .schemes) wrong("\"", url, "\" is no address of a hub")
    scheme <- parts[2L]
    if (scheme == "zmq+ipc") {
        found <- regmatches(parts[3L], regexec("^(/.+)/([^/]*)$", parts[3L]))[[1L]]
        if (length(found) != 3L) wrong("write zmq+ipc:///folder/socket/environment")
        path <- utf8_decode(found[2L])
        return(list(scheme = scheme, host = path, address = path, plain = found[2L], environment = if (nzchar(found[3L])) utf8_decode(found[3L])))
    }
    found <- regmatches(parts[3L], regexec("^(\\[[0-9a-fA-F:.]+\\]|[^/:\\[\\]]+)(:([0-9]+))?(/(.*))?$", parts[3L], perl = TRUE))[[1L]]
    if (length(found) != 6L) wrong("\"", url, "\" has no host")
    port <- if (nzchar(found[4L])) as.integer(found[4L]) else .ports[scheme]
    if (is.na(port) || port > 65535L) wrong("\"", url, "\" has no port")
    environment <- sub("/$", "", found[6L])
    list(scheme = scheme, host = found[2L], port = port, address = paste0(found[2L], ":", port),
         environment = if (nzchar(environment)) utf8_decode(environment))
}

# What hub:///r stands for in an interpreter: the hub that has started it, and the token that it was given for this.
inside_hub <- function(url, token) {
    if (!is.character(url) || length(url) != 1L || is.na(url) || !startsWith(url, "hub://")) return(list(url = url, token = token))
    place <- substring(url, 7L)
    if (nzchar(place) && !startsWith(place, "/"))
        raise("INVALID_ARGUMENT", "\"", url, "\" names a host; the hub that started this interpreter is hub:///", place)
    address <- Sys.getenv("ARCUATE_DELEGATED_HTTP")
    own <- Sys.getenv("ARCUATE_DELEGATED_TOKEN")
    if (!nzchar(address) || !nzchar(own))
        raise("INVALID_ARGUMENT", "\"", url, "\" is the hub that has started this interpreter, and none has, or it does not allow that ",
              "(ARCUATE_DELEGATED_HTTP and ARCUATE_DELEGATED_TOKEN are not set); give the address of a hub")
    list(url = paste0(address, place), token = if (is.null(token)) own else token)
}

utf8_decode <- function(text) {
    text <- curl::curl_unescape(text)
    Encoding(text) <- "UTF-8"
    text
}

#' Connect to an environment behind a hub
#'
#' @param url the address: `http://host:8080/r`, `https://...`, `zmq://host:5555/r` or `zmq+ipc:///folder/socket/r`. The part
#'   behind the host is the name of the environment. Without it no interpreter is opened: such a connection can list
#'   environments, publish and subscribe. In an interpreter that a hub has started `hub:///python` is that hub, with the rights
#'   of whoever called the interpreter.
#' @param environment the name of the environment, if it is not part of the address.
#' @param token says who you are.
#' @param ca for `https`: a PEM file with the authority of the hub's certificate; else those that the system trusts.
#' @param curve for `zmq`: the hub's public key, or a list of `server_key`, `public_key` and `secret_key`. Without a secret key
#'   a fresh pair is made.
#' @param options a named list: the environment's own options, where the hub allows them.
#' @param limits a named numeric of what is accepted and sent: `message` and `array` (bytes), `nodes`, `text`, `depth`.
#' @param timeout seconds that connecting and opening may take.
#' @param on_output a function of a text and `"stdout"`, `"stderr"` or `"message"`, called with output while it is written. By
#'   default it goes to the console.
#' @param on_event a function of every event, a list with `type`: also `"progress"` and `"display"`.
#' @return A connection. `con$f(...)` calls the function `f` there; `con[["x"]]` and `con[["x"]] <- value` get and set a
#'   variable. Close it with [arcuate_close()]; R closes it when it is collected.
#' @examples
#' \dontrun{
#' con <- arcuate_connect("http://127.0.0.1:8080/octave")
#' con$hypot(3, 4)
#' arcuate_close(con)
#' }
#' @seealso [arcuate_call()], [arcuate_conditions]
#' @export
arcuate_connect <- function(url, environment = NULL, token = NULL, ca = NULL, curve = NULL, options = list(), limits = NULL,
                            timeout = 60, on_output = NULL, on_event = NULL) {
    inside <- inside_hub(url, token)
    url <- inside$url
    token <- inside$token
    target <- parse_address(url)
    if (!is.null(environment)) target$environment <- environment
    chosen <- c(message = 2147483648, array = 68719476736, nodes = 2e7, text = 1073741824, depth = 64)
    unknown <- setdiff(names(limits), names(chosen))
    if (length(unknown)) raise("INVALID_ARGUMENT", "there is no limit '", unknown[1L], "'; there are ", paste(names(chosen), collapse = ", "))
    chosen[names(limits)] <- as.double(unlist(limits))
    if (!is.null(token) && !(is.character(token) && length(token) == 1L && grepl("^[!-~]+$", token)))
        raise("AUTHENTICATION_FAILED", "a token is printable ASCII text")
    if (!is.null(ca) && target$scheme != "https") raise("INVALID_ARGUMENT", target$scheme, ":// has no option ca; https:// has")
    if (!is.null(ca) && !file.exists(ca)) raise("INVALID_ARGUMENT", "there is no file ", ca)
    if (!is.null(curve) && target$scheme != "zmq") raise("INVALID_ARGUMENT", target$scheme, ":// has no option curve; zmq:// has")
    if (!is.null(options) && length(options) && is.null(names(options))) raise("INVALID_ARGUMENT", "options is a named list")
    make_link <- function() if (target$scheme %in% c("http", "https")) http_link(target, chosen, token, ca) else zmq_link(target, chosen, curve)
    state <- new_state(make_link(), target, chosen, token)
    state$make_link <- make_link
    state$on_output <- on_output
    state$on_event <- on_event
    state$again <- list(url = url, token = token, ca = ca, curve = curve, limits = limits)
    reg.finalizer(state, abandon, onexit = TRUE)
    tryCatch({
        greet(state, timeout)
        if (!is.null(target$environment)) open_session(state, options, timeout)
    }, error = function(e) {
        if (inherits(e, "arcuate_ConnectionLost")) e$executed <- "no"  # there was no call yet
        close_state(state)
        stop(e)
    })
    structure(list(state = state), class = "arcuate_connection")
}

state_of <- function(con) {
    if (!inherits(con, "arcuate_connection")) raise("INVALID_ARGUMENT", "this is no connection of arcuate_connect() but ", class(con)[1L])
    unclass(con)$state
}

#' @rdname arcuate_connect
#' @param con a connection.
#' @export
arcuate_close <- function(con) close_state(state_of(con))

#' @export
close.arcuate_connection <- function(con, ...) arcuate_close(con)

#' @export
print.arcuate_connection <- function(x, ...) {
    state <- state_of(x)
    cat("<arcuate connection to ", state$link$name, "://", state$address, if (!is.null(state$environment)) paste0("/", state$environment),
        if (!is.null(state$language)) paste0(": ", state$language, " ", state$version),
        if (state$closed) ", closed" else if (!is.null(state$gone)) ", lost", ">\n", sep = "")
    invisible(x)
}

#' @export
`$.arcuate_connection` <- function(x, name) {
    force(x)
    force(name)
    function(...) arcuate_call(x, name, ...)
}

#' @export
`[[.arcuate_connection` <- function(x, i, ...) arcuate_get(x, i)

#' @export
`[[<-.arcuate_connection` <- function(x, i, ..., value) arcuate_set(x, i, value)

#' @export
`$<-.arcuate_connection` <- function(x, name, value)
    raise("INVALID_ARGUMENT", "con$", name, " is a function of the environment; set a variable by con[[\"", name, "\"]] <- value")
