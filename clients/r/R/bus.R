# Messages of the bus on a link that may break: hello, open, resume, requests and what comes between them and their answers.

.grace <- 3     # seconds that an interrupted interpreter has
.slack <- 10    # seconds beyond deadline and grace after which a hub that does not answer counts as lost

read_message <- function(frame, parts, limits) {
    head <- tryCatch(.Call(C_message, frame, parts, limits), arcuate_LimitExceeded = function(e) {
        # It has come, and is of one call among others: that one finds out when it reads the value.
        limits[c("message", "array", "nodes", "text")] <- 2^53
        head <- .Call(C_message, frame, parts, limits)
        if (!identical(head$op, "event")) return(head)
        list(op = "event", id = head$id, type = "warning", text = conditionMessage(e), seq = head[["seq"]])
    })
    if (!is.character(head$op) || !is.numeric(either(head$id, 0))) raise("PROTOCOL_ERROR", "malformed message: it has no op")
    head$id <- as.double(either(head$id, 0))
    list(head = head, frame = frame, parts = parts)
}

# A field of a message that holds a value.
field_of <- function(message, name, limits, plain = FALSE, state = NULL) {
    tryCatch(with_state(state, .Call(C_field, message$frame, message$parts, limits, name, plain)),
             arcuate_error = function(e) { e$executed <- "yes"; stop(e) })  # what is answered was done
}

new_state <- function(link, target, limits, token) {
    state <- new.env(parent = emptyenv())
    state$link <- link
    state$limits <- limits
    state$token <- token
    state$address <- target$address
    state$environment <- target$environment
    state$number <- 0
    state$seen <- state$told <- 0  # all messages up to here have come
    state$later <- numeric()       # those that overtook others: over HTTP each call has an answer of its own
    state$hole <- FALSE            # whether one was refused before its number was read
    state$heard <- now()
    state$connected <- FALSE
    state$closed <- FALSE
    state$gone <- NULL
    state$parents <- numeric()
    state$pending <- list()     # what a new connection must carry again, in order
    state$answers <- list()     # by id
    state$waiting <- list()     # requests that are not answered, by id
    state$dropped <- character()  # handles that nobody has any more
    state$functions <- list()
    state$failed <- NULL
    state$warnings <- list()
    state$samples <- list()
    state
}

# --- connecting -----------------------------------------------------------------------------------------------------

greet <- function(state, timeout) {
    state$connected <- FALSE
    state$link$connect(timeout)
    limits <- as.list(state$limits)
    hello <- list(op = "hello", id = 0, major = 1, minor = 0, kinds = as.list(.kinds), features = list(), limits = limits,
                  agent = "arcuate-r", token = state$token)
    send(state, hello)
    end <- now() + timeout
    repeat {
        answer <- state$link$receive(max(0, min(1, end - now())))
        if (!is.null(answer)) break
        if (now() >= end) raise("CONNECTION_LOST", "the hub did not answer the greeting within ", timeout, " s")
    }
    head <- answer$head
    if (head$op == "error") stop(error_of(head))
    if (head$op != "hello" || !identical(head$major, 1))
        raise("PROTOCOL_ERROR", "the hub speaks protocol ", either(head$major, "?"), ".", either(head$minor, "?"),
              ", this side 1.0; install matching versions of Arcuate")
    state$hub <- head
    state$most <- if (is.numeric(head$limits$array)) head$limits$array else Inf
    state$lacking <- setdiff(.kinds, either(head$kinds, .kinds))
    state$connected <- TRUE
    state$heard <- now()
}

.kinds <- c("null", "bool", "int", "float", "complex", "text", "bytes", "missing", "list", "mapping", "array", "labelled", "dataset",
            "table", "categorical", "datetime", "date", "duration", "sparse", "function", "handle")

greeted <- function(state, data) {
    state$session <- either(data$session, "")
    if (!is.null(data$secret)) state$secret <- data$secret
    state$window <- as.double(either(data$window, 0))
    state$generation <- either(data$generation, 1)
    state$language <- either(data$language, "")
    state$version <- either(data$version, "")
}

open_session <- function(state, options, timeout) {
    fields <- list(environment = state$environment, options = options, grace = .grace,
                   limits = as.list(state$limits[c("message", "array", "depth")]))
    answer <- request(state, "open", fields, timeout = timeout)
    greeted(state, field_of(answer, "value", state$limits, plain = TRUE))
}

send <- function(state, fields) {
    frame <- with_state(state, state$link$encode(fields))
    state$link$send(frame, fields$op, fields$id, fields)
}

next_id <- function(state) {
    state$number <- state$number + 1
    state$number
}

# --- requests -------------------------------------------------------------------------------------------------------

check_open <- function(state) {
    if (state$closed) raise("SESSION_CLOSED", "this session is closed; open another with arcuate_connect()")
    if (!is.null(state$gone)) raise("SESSION_CLOSED", "this session is lost: ", state$gone$message, "; open another with arcuate_connect()")
}

# Begins a request; returns what is known of it.
begin <- function(state, op, fields, timeout = NULL, on_output = NULL, nested = length(state$parents) > 0L) {
    check_open(state)
    if (!is.null(timeout) && !(is.numeric(timeout) && length(timeout) == 1L && isTRUE(timeout > 0)))
        raise("INVALID_ARGUMENT", "a timeout is a positive number of seconds, not ", deparse(timeout, nlines = 1L))
    let_go(state)
    if (state$hole && !length(state$waiting)) {  # nothing is on its way that could fill it
        state$seen <- max(state$seen, state$later)
        state$later <- numeric()
        state$hole <- FALSE
    }
    id <- next_id(state)
    call <- new.env(parent = emptyenv())
    call$id <- id
    call$op <- op
    call$on_output <- on_output
    call$deadline <- if (is.null(timeout)) Inf else now() + timeout
    for (outer in state$waiting) if (nested) call$deadline <- min(call$deadline, outer$deadline)
    call$cancelled <- FALSE
    call$asked <- FALSE
    extra <- list(op = op, id = id)
    if (is.finite(call$deadline)) extra$deadline <- max(1, ceiling(1000 * (call$deadline - now())))
    if (nested && length(state$parents)) extra$parent <- state$parents[length(state$parents)]
    else if (state$seen > 0) { extra$seen <- state$seen; state$told <- state$seen }
    all <- c(extra, fields)
    frame <- counted(state, with_state(state, state$link$encode(all)))
    check_arrays(state, fields)
    call$message <- list(frame = frame, op = op, id = id, fields = fields[c("session", "secret")])
    key <- as.character(id)
    state$waiting[[key]] <- call
    state$pending[[key]] <- call$message
    ok <- FALSE
    on.exit(if (!ok) forget(state, id))
    transmit(state, call$message, call)
    ok <- TRUE
    call
}

# Fails before anything is sent where the hub would not take it.
check_arrays <- function(state, fields) {
    largest <- 0
    look <- function(x) {
        if (is.atomic(x)) {
            each <- switch(typeof(x), double = 8, complex = 16, integer = 4, 1)
            if (!is.character(x)) largest <<- max(largest, each * length(x))
        } else if (is.list(x)) for (part in unclass(x)) look(part)
    }
    for (name in c("args", "named", "value")) look(fields[[name]])
    if (largest > min(state$most, state$limits[["array"]]))
        raise("LIMIT_EXCEEDED", "an array of ", format(largest, big.mark = ","), " bytes exceeds the limit of ",
              format(min(state$most, state$limits[["array"]]), big.mark = ","),
              " bytes; the hub's operator can raise the setting 'array', or send the array in parts", setting = "array")
}

forget <- function(state, id) {
    key <- as.character(id)
    state$waiting[[key]] <- NULL
    state$pending[[key]] <- NULL
    state$answers[[key]] <- NULL
}

transmit <- function(state, message, call) {
    if (!state$connected) {
        recover(state, make_error("CONNECTION_LOST", "the connection was lost before this call", executed = "no"), call)
        return(invisible())  # recovering sends everything that is pending
    }
    tryCatch(state$link$send(message$frame, message$op, message$id, message$fields),
             arcuate_ConnectionLost = function(e) recover(state, e, call))
}

# Waits for the answer of a request that has begun; raises its error.
finish <- function(state, call) {
    key <- as.character(call$id)
    on.exit(forget(state, call$id))
    repeat {
        interrupted <- tryCatch({
            while (is.null(state$answers[[key]])) step_once(state, call)
            FALSE
        }, interrupt = function(e) TRUE)
        if (!interrupted) break
        if (call$cancelled) raise("CALL_CANCELLED", "interrupted again; what became of the call is not known", executed = "maybe")
        call$cancelled <- TRUE
    }
    answer <- state$answers[[key]]
    if (answer$head$op == "error") {
        error <- judge(state, error_of(answer$head))
        give_warnings(state)  # they came with this call, not with the next
        stop(error)
    }
    answer
}

request <- function(state, op, fields = list(), timeout = NULL, on_output = NULL) {
    call <- begin(state, op, fields, timeout, on_output)
    finish(state, call)
}

# One wait, and what came with it.
step_once <- function(state, call) {
    patience <- 0.25
    time <- now()
    if (call$cancelled && !call$asked) ask_to_stop(state, call, time + .grace + .slack)
    if (is.finite(call$deadline)) {
        if (!call$asked && time > call$deadline + .grace + .slack) ask_to_stop(state, call, time + .slack)
        patience <- max(0.001, min(patience, if (time < call$deadline) call$deadline - time else patience))
    }
    if (call$asked && call$cancelled && time > call$said + 1) say_cancel(state, call)  # the first may have been too early
    if (call$asked && time > call$end) {
        state$connected <- FALSE
        raise(if (call$cancelled) "CALL_CANCELLED" else "CALL_TIMEOUT",
              "the hub did not answer in time, and not when asked to stop either; what became of the call is not known", executed = "maybe")
    }
    message <- tryCatch({
        found <- state$link$receive(patience)
        if (is.null(found)) silence(state)
        found
    }, arcuate_ConnectionLost = function(e) { recover(state, e, call); NULL },
       arcuate_ProtocolError = function(e) { state$connected <- FALSE; state$gone <- e; stop(e) })
    if (!is.null(message)) dispatch(state, message)
}

ask_to_stop <- function(state, call, end) {
    call$asked <- TRUE
    call$end <- end
    say_cancel(state, call)
}

say_cancel <- function(state, call) {
    call$said <- now()
    tryCatch(send(state, list(op = "cancel", id = 0, call = call$id)), arcuate_ConnectionLost = function(e) state$connected <- FALSE)
}

# A hub that has said nothing for long is asked for a sign of life. Only the time since then counts against it: before, it
# may be we who had nothing to say, or were busy.
silence <- function(state) {
    pinged <- either(state$pinged, -Inf)
    if (pinged < state$heard) {
        if (now() - state$heard <= 20) return()
        state$pinged <- now()
        send(state, list(op = "ping", id = next_id(state)))
    } else if (now() - pinged > 40) raise("CONNECTION_LOST", "the hub gives no sign of life", executed = "maybe")
}

dispatch <- function(state, message) {
    state$heard <- now()
    if (isTRUE(message$refused)) state$hole <- TRUE
    head <- message$head
    seq <- head[["seq"]]  # `$` would find the `sequence` of a sample
    if (is.numeric(seq) && !is_new(state, seq)) return(invisible())
    key <- as.character(head$id)
    switch(head$op,
        reply = , error = {
            if (head$op == "error" && head$id == 0) stop(error_of(head))
            if (!is.null(state$waiting[[key]])) {
                state$answers[[key]] <- message
                state$pending[[key]] <- NULL
                if (length(message$frame) > 65536 || length(message$parts)) acknowledge(state)
            } else if (!is.null(state$samples[[key]])) ended(state, key, head)
        },
        event = if (identical(head$type, "restarted")) greeted(state, head) else deliver(state, state$waiting[[key]], head),
        callback = call_back(state, message),
        sample = if (!is.null(state$samples[[key]])) state$samples[[key]]$queue <- c(state$samples[[key]]$queue, list(message)))
    if (state$seen - state$told > 256) acknowledge(state)
    invisible()
}

# Notes the number of a message; FALSE for one that came before.
is_new <- function(state, seq) {
    if (seq <= state$seen || seq %in% state$later) return(FALSE)
    state$later <- c(state$later, seq)
    while ((state$seen + 1) %in% state$later) state$seen <- state$seen + 1
    state$later <- state$later[state$later > state$seen]
    TRUE
}

acknowledge <- function(state) {
    state$told <- state$seen
    if (state$connected && state$seen > 0)
        tryCatch(send(state, list(op = "ack", id = 0, seen = state$seen)), arcuate_ConnectionLost = function(e) state$connected <- FALSE)
}

# --- lost and found -------------------------------------------------------------------------------------------------

# Connects again, resumes the session, and sends what is under way once more: the hub carries out an id once only.
recover <- function(state, error, call) {
    state$connected <- FALSE
    if (is.null(state$secret)) stop(error)
    end <- now() + state$window
    delay <- 0.05
    repeat {
        if (call$cancelled || now() >= call$deadline)
            raise(if (call$cancelled) "CALL_CANCELLED" else "CALL_TIMEOUT", "the connection was lost (", error$message,
                  ") and not back in time; what became of the call is not known", executed = "maybe")
        again <- tryCatch({
            greet(state, max(0.5, min(5, end - now())))
            resume(state)
            for (message in state$pending) state$link$send(message$frame, message$op, message$id, message$fields)
            NULL
        }, arcuate_error = function(e) e)
        if (is.null(again)) return(invisible())
        state$connected <- FALSE
        if (!inherits(again, "arcuate_ConnectionLost") || now() + delay >= end) {
            state$gone <- make_error("CONNECTION_LOST", paste0("the connection was lost (", error$message, ") and the session is not back: ",
                                     again$message), executed = "maybe", workspace = FALSE)
            stop(state$gone)
        }
        Sys.sleep(delay)
        delay <- min(2, 2 * delay)
    }
}

resume <- function(state) {
    id <- next_id(state)
    send(state, list(op = "resume", id = id, session = state$session, secret = state$secret, seen = state$seen))
    end <- now() + .slack
    repeat {
        answer <- state$link$receive(max(0, min(1, end - now())))
        if (is.null(answer)) {
            if (now() >= end) raise("CONNECTION_LOST", "the hub did not answer", executed = "maybe")
            next
        }
        if (!answer$head$id %in% c(id, 0)) next
        if (answer$head$op == "error") stop(error_of(answer$head))
        return(greeted(state, field_of(answer, "value", state$limits, plain = TRUE)))
    }
}

close_state <- function(state) {
    if (state$closed) return(invisible())
    state$closed <- TRUE
    if (state$connected && is.null(state$gone) && !is.null(state$secret))
        tryCatch({
            id <- next_id(state)
            send(state, list(op = "close", id = id))
            end <- now() + 5
            while (now() < end) {
                answer <- state$link$receive(0.25)
                if (!is.null(answer) && (answer$head$id == id || (answer$head$op == "error" && answer$head$id == 0))) break
            }
        }, error = function(e) NULL)
    state$link$close()
    invisible()
}

# Closes a session that R has collected. What its link consists of may have been collected before it: a link of its own
# takes the session over, and ends it.
abandon <- function(state) {
    if (state$closed || !is.null(state$gone) || is.null(state$secret)) return(invisible())
    tryCatch({
        state$link$leave()
        state$link <- state$make_link()
        greet(state, 2)
        resume(state)
        close_state(state)
    }, error = function(e) NULL)
    state$closed <- TRUE
}
