# The link to a hub over HTTP (protos/http.md): requests run in a pool of curl, what they bring is queued.

.frames <- "application/vnd.arcuate.frames"
.silent <- c("return", "raise", "cancel", "release", "ack", "credit")
.silence <- 45  # seconds without a byte after which an answer counts as lost; a sign of life comes every 15

http_link <- function(target, limits, token, ca) {
    pool <- curl::new_pool(total_con = 100, host_con = 100, multiplex = FALSE)
    base <- paste0(target$scheme, "://", target$address)
    idle <- list()       # handles that are not in use
    running <- 0L
    inbox <- list()      # messages that arrived
    trouble <- NULL      # a condition that ends the connection
    fixed <- c("Content-Type" = .frames, "Accept" = .frames, "Arcuate-Lease" = "0", "Expect" = "")
    if (!is.null(token)) fixed <- c(fixed, Authorization = paste("Bearer", token))
    channel <- secret <- character()
    session <- ""
    opening <- -1
    most <- limits[["message"]]
    follow <- FALSE      # ask for messages that no request waits for

    fresh <- function() {
        if (length(idle)) {
            handle <- idle[[length(idle)]]
            idle[[length(idle)]] <<- NULL
            return(handle)
        }
        handle <- curl::new_handle()
        curl::handle_setopt(handle, http_version = 2L, buffersize = 262144L, tcp_nodelay = 1L, tcp_keepalive = 1L, noproxy = "*",
                            connecttimeout_ms = 15000L, low_speed_limit = 1L, low_speed_time = .silence, followlocation = 0L,
                            upload_buffersize = 524288L)
        if (!is.null(ca)) curl::handle_setopt(handle, cainfo = ca)
        handle
    }

    # Begins a request. What its answer brings goes into the inbox as it comes.
    begin <- function(path, body, op, id, silent) {
        handle <- fresh()
        body_options <- if (is.null(body)) list(httpget = 1L) else list(post = 1L, postfieldsize_large = length(body), postfields = body)
        curl::handle_setopt(handle, .list = c(list(url = paste0(base, path)), body_options))
        curl::handle_setheaders(handle, .list = as.list(c(fixed, channel, secret)))
        stream <- .Call(C_stream)
        kind <- 0L  # of the answer: 0 not known yet, 1 frames, 2 something else
        answered <- silent
        bad <- NULL
        bad_text <- raw()
        # curl gives pieces of 16 KiB at most: what is done for each is little
        take <- function(piece, ...) {
            found <- NULL
            if (!length(piece)) return()
            if (kind != 1L || !is.null(found <- .Call(C_feed, stream, piece, limits))) taken(piece, found)
        }
        taken <- function(piece, found) {
            if (kind == 0L) kind <<- if (is_frames(curl::handle_data(handle))) 1L else 2L
            if (kind == 3L) return()
            if (kind == 2L) {
                if (length(bad_text) < 65536L) bad_text <<- c(bad_text, piece)
                return()
            }
            if (is.null(found)) found <- .Call(C_feed, stream, piece, limits)
            tryCatch({
                if (is.raw(found)) {
                    .Call(C_check_head, found, limits)
                    raise("PROTOCOL_ERROR", "malformed frame in the answer")
                }
                for (frame in found) {
                    message <- read_message(frame, NULL, limits)
                    if (identical(message$head$op, "event") && identical(message$head$id, 0)) next
                    # Where the session is over, what needs no answer is refused; why it is, another answer says that is open.
                    if (silent && running > 1L && identical(message$head$code, "SESSION_CLOSED")) next
                    if (is_answer(message, id)) answered <<- TRUE
                    note(message)
                    inbox[[length(inbox) + 1L]] <<- message
                }
            }, error = function(e) {
                bad <<- e
                kind <<- 3L
                if (silent || op == "follow" || !inherits(e, "arcuate_LimitExceeded")) { trouble <<- e; return() }
                head <- list(op = "error", id = id, code = e$code, message = e$message, setting = e$setting, executed = "maybe")
                inbox[[length(inbox) + 1L]] <<- list(head = head, refused = TRUE)
            })
        }
        done <- function(result) {
            running <<- running - 1L
            idle[[length(idle) + 1L]] <<- handle
            if (!is.null(bad)) return()
            if (.Call(C_midway, stream)) trouble <<- lost("the answer ends in the middle of a frame")
            else if (kind == 2L || (result$status_code >= 400L && !answered)) refused(result$status_code, bad_text, id)
            else if (!answered && op != "follow") trouble <<- lost("the answer was cut")
        }
        gone <- function(message) {
            running <<- running - 1L
            if (is.null(bad)) trouble <<- broken(message)
        }
        running <<- running + 1L
        curl::multi_add(handle, done = done, fail = gone, data = take, pool = pool)
        suspendInterrupts(curl::multi_run(timeout = 0, poll = TRUE, pool = pool))  # it is on its way before anything else
    }

    is_frames <- function(data) is.character(data$type) && isTRUE(startsWith(tolower(data$type), .frames))

    is_answer <- function(message, id) {
        op <- message$head$op
        (op %in% c("reply", "error", "hello")) && (op == "hello" || message$head$id %in% c(id, 0))
    }

    lost <- function(text) make_error("CONNECTION_LOST", paste0(base, ": ", text), executed = "maybe")

    # curl says in words what went wrong.
    broken <- function(text) {
        if (grepl("certificate|SSL|TLS", text, ignore.case = TRUE) && grepl("certificate|verif|issuer|trust", text, ignore.case = TRUE))
            return(make_error("AUTHENTICATION_FAILED", paste0("the hub at ", target$address, " does not show a certificate that is ",
                "trusted here: ", text, "; give its authority as ca = \"ca.pem\"")))
        never <- grepl("resolve|connect to|Connection refused|Connection timeout|timed out after.*connect", text, ignore.case = TRUE)
        make_error("CONNECTION_LOST", paste0(if (never) "no hub answers at " else "the connection was lost to ", target$address, ": ", text,
            if (never) "; is 'arcuate serve' running there?"), executed = if (never) "no" else "maybe")
    }

    # An answer that is none of a hub: one of a proxy, of another server.
    refused <- function(status, body, id) {
        body[body > as.raw(126L)] <- charToRaw("?")  # it may be anything
        body[body < as.raw(32L)] <- charToRaw(" ")
        text <- trimws(gsub(" +", " ", rawToChar(body)))
        pick <- function(name) {
            found <- regmatches(text, regexec(paste0("\"", name, "\":\\s*\"((?:[^\"\\\\]|\\\\.)*)\""), text))[[1L]]
            if (length(found) == 2L) found[2L] else ""
        }
        code <- pick("code")
        if (!code %in% names(.classes)) {
            if (status %in% c(408L, 502L, 503L, 504L)) { trouble <<- lost(paste0("it answers ", status, ": ", substr(text, 1L, 200L))); return() }
            code <- switch(as.character(status), `401` = "AUTHENTICATION_FAILED", `403` = "PERMISSION_DENIED", `413` = "LIMIT_EXCEEDED",
                           `429` = "RATE_LIMITED", "PROTOCOL_ERROR")
            said <- paste0(target$address, " answers ", status, if (nzchar(text)) ": ", substr(text, 1L, 200L), "; is that a hub?")
        } else said <- pick("message")
        executed <- pick("executed")
        head <- list(op = "error", id = id, code = code, message = said, executed = if (nzchar(executed)) executed else "no",
                     setting = pick("setting"))
        inbox[[length(inbox) + 1L]] <<- list(head = head)
    }

    # Takes from a message what the link itself has to know.
    note <- function(message) {
        head <- message$head
        if (identical(head$op, "hello") && is.numeric(head$limits$message)) most <<- min(limits[["message"]], head$limits$message)
        if (identical(head$op, "reply") && identical(head$id, opening)) {
            opening <<- -1
            greeting <- field_of(message, "value", limits, plain = TRUE)
            session <<- curl::curl_escape(either(greeting$session, ""))
            secret <<- c("Arcuate-Secret" = either(greeting$secret, ""))
        }
    }

    path_of <- function(op, id, fields) {
        if (op == "hello") return("/v1/hello")
        if (op == "open") { opening <<- id; return("/v1/sessions") }
        if (op == "resume") {
            opening <<- id
            secret <<- c("Arcuate-Secret" = fields$secret)
            return(paste0("/v1/sessions/", curl::curl_escape(fields$session), "/resume"))
        }
        if (nzchar(session)) paste0("/v1/sessions/", session, "/messages") else "/v1/messages"
    }

    list(
        name = target$scheme,
        features = character(),
        encode = function(fields) .Call(C_encode, fields, FALSE, 0, 0),
        connect = function(timeout) {
            inbox <<- list()
            trouble <<- NULL
            idle <<- list()
            session <<- ""
            secret <<- character()
            for (handle in curl::multi_list(pool)) curl::multi_cancel(handle)
            running <<- 0L
            channel <<- c("Arcuate-Channel" = random_hex(16L))
        },
        send = function(frame, op, id, fields) {
            if (length(frame) > most)
                raise("LIMIT_EXCEEDED", "a message of ", format(length(frame), big.mark = ","), " bytes exceeds the limit of ",
                      format(most, big.mark = ","), " bytes; raise the setting 'message' of the hub, or send the data in parts",
                      setting = "message")
            begin(path_of(op, id, fields), frame, op, id, op %in% .silent)
        },
        receive = function(timeout) {
            end <- now() + timeout
            repeat {
                if (length(inbox)) {
                    message <- inbox[[1L]]
                    inbox[[1L]] <<- NULL
                    return(message)
                }
                if (!is.null(trouble)) { found <- trouble; trouble <<- NULL; stop(found) }
                if (running == 0L && follow) begin(paste0("/v1/messages?wait=", 30L), NULL, "follow", -1, FALSE)
                if (now() > end) return(NULL)
                if (running == 0L) { Sys.sleep(min(0.01, timeout)); next }
                await(pool, min(timeout, 0.25))
            }
        },
        follow = function() follow <<- TRUE,
        leave = function() NULL,  # curl collects its own
        close = function() {
            for (handle in curl::multi_list(pool)) curl::multi_cancel(handle)
            running <<- 0L
            idle <<- list()
        })
}

# Runs a pool until something has happened, or some time is over. curl's own waiting comes back at once.
await <- function(pool, seconds) {
    fds <- curl::multi_fdset(pool)
    if (length(fds$reads) || length(fds$writes)) {
        limit <- 1000 * seconds
        if (fds$timeout >= 0) limit <- min(limit, max(fds$timeout, 1))
        .Call(C_wait, fds$reads, fds$writes, limit)
    }
    # an interrupt inside would end the transfer; it strikes when R goes on
    suspendInterrupts(curl::multi_run(timeout = 0, poll = TRUE, pool = pool))
}
