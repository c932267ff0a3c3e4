# The link to a hub over ZeroMQ (protos/zeromq.md), with pbdZMQ. A DEALER is one connection; what its monitor tells is
# how a lost one is noticed. pbdZMQ returns an empty raw for "nothing came": the socket is polled before it is read.

.outside <- 65536       # bytes from which a buffer is a part of its own
.part <- 134217728      # bytes of one part
.patience <- 20
.broken <- c(`512` = "the hub closed the connection, or the network failed", `128` = "nothing listens there", `4` = "nothing listens there")
.refusals <- c(`2048` = "it closed the connection during the handshake", `8192` = "the handshake failed",
               `16384` = "it does not know this client's key")

zmq_link <- function(target, limits, curve) {
    if (!requireNamespace("pbdZMQ", quietly = TRUE))
        raise("UNSUPPORTED", target$scheme, ":// needs R's package pbdZMQ; install.packages(\"pbdZMQ\"), or connect by http://")
    options <- pbdZMQ::ZMQ.SO()
    flags <- pbdZMQ::ZMQ.SR()
    monitored <- .Call(C_zmq_open, getLoadedDLLs()[["pbdZMQ"]][["path"]])
    if (!is.null(curve)) curve <- curve_keys(curve)
    context <- socket <- monitor <- NULL
    trouble <- NULL
    most <- Inf
    where <- paste0(target$scheme, "://", target$address)

    drop <- function() {
        for (one in list(socket, monitor)) if (!is.null(one)) pbdZMQ::zmq.close(one)
        socket <<- monitor <<- NULL
        if (!is.null(context)) pbdZMQ::zmq.ctx.destroy(context)
        context <<- NULL
        trouble <<- NULL
    }

    lost <- function(text, executed = "maybe") make_error("CONNECTION_LOST", paste0(where, ": ", text), executed = executed)

    polled <- function(sockets, kinds, milliseconds) {
        found <- tryCatch(pbdZMQ::zmq.poll(sockets, kinds, milliseconds, MC = list(warning.at.error = FALSE, stop.at.error = FALSE, check.eintr = TRUE)),
                          error = function(e) NULL)
        vapply(seq_along(sockets), function(i) pbdZMQ::zmq.poll.get.revents(i), 0)
    }

    # Reads what the monitor has seen; whether a handshake succeeded.
    watch <- function() {
        done <- FALSE
        while (!is.null(monitor) && polled(list(monitor), 1L, 0L)[1L] == 1) {
            told <- pbdZMQ::zmq.msg.recv(monitor, flags$DONTWAIT, unserialize = FALSE)
            pbdZMQ::zmq.msg.recv(monitor, flags$BLOCK, unserialize = FALSE)
            event <- as.character(readBin(told[1:2], "integer", 1L, 2L, FALSE, "little"))
            if (event == "4096") done <- TRUE
            else if (event %in% names(.refusals)) trouble <<- either(trouble, refused(.refusals[[event]], event))
            else if (event %in% names(.broken)) trouble <<- either(trouble, lost(.broken[[event]]))
        }
        done
    }

    # Nobody says why a handshake fails: with keys, it is the keys; without, what listens is no hub.
    refused <- function(text, event) {
        if (!is.null(curve))
            make_error("AUTHENTICATION_FAILED", paste0(where, " refuses this client: ", text, "; check that 'server_key' is the hub's, and that ",
                "this client's public key ", curve$public_key, " stands in the hub's file of authorised keys"))
        else make_error(if (event == "2048") "CONNECTION_LOST" else "AUTHENTICATION_FAILED", paste0(where, " refuses this client: ", text,
                "; a hub with CURVE needs arcuate_connect(..., curve = server_key)"))
    }

    set <- function(name, value) pbdZMQ::zmq.setsockopt(socket, options[[name]], value)

    connect <- function(timeout) {
        drop()
        context <<- pbdZMQ::zmq.ctx.new()
        socket <<- pbdZMQ::zmq.socket(context, pbdZMQ::ZMQ.ST()$DEALER)
        set("LINGER", 0L)
        # In ms: a new connection begins with a new hello. With -1L libzmq would throw away what came before the end.
        set("RECONNECT_IVL", 100000000L)
        set("IPV6", 1L)
        set("SNDHWM", 100L)
        set("HEARTBEAT_IVL", 5000L)
        set("HEARTBEAT_TIMEOUT", as.integer(.patience * 1000))
        if (!is.null(curve)) {
            set("CURVE_SERVERKEY", curve$server_key)
            set("CURVE_PUBLICKEY", curve$public_key)
            set("CURVE_SECRETKEY", curve$secret_key)
        }
        if (monitored) {
            address <- paste0("inproc://arcuate-", random_hex(8L))
            if (.Call(C_zmq_watch, socket, address)) {
                monitor <<- pbdZMQ::zmq.socket(context, pbdZMQ::ZMQ.ST()$PAIR)
                pbdZMQ::zmq.setsockopt(monitor, options$LINGER, 0L)
                pbdZMQ::zmq.connect(monitor, address)
            }
        } else set("IMMEDIATE", 1L)
        address <- if (target$scheme == "zmq") paste0("tcp://", target$host, ":", target$port) else paste0("ipc://", target$host)
        tryCatch(pbdZMQ::zmq.connect(socket, address), error = function(e) raise("CONNECTION_LOST", where, ": ", conditionMessage(e)),
                 warning = function(w) raise("CONNECTION_LOST", where, ": ", conditionMessage(w)))
        end <- now() + timeout
        repeat {
            ready <- if (is.null(monitor)) polled(list(socket), 2L, 200L)[1L] == 2 else { polled(list(monitor), 1L, 200L); watch() }
            if (!is.null(trouble)) { found <- trouble; found$executed <- "no"; drop(); stop(found) }
            if (ready) return(invisible())
            if (now() > end) { drop(); stop(lost(paste("it did not answer within", timeout, "s"), "no")) }
        }
    }

    # A message goes as a whole: only its first part may be refused.
    send <- function(parts, op, id, fields) {
        if (is.null(socket)) stop(lost("the connection is closed", "no"))
        size <- sum(lengths(parts))
        if (size > most)
            raise("LIMIT_EXCEEDED", "a message of ", format(size, big.mark = ","), " bytes exceeds the hub's limits 'message' and 'array', ",
                  "together ", format(most, big.mark = ","), "; its operator can raise 'array', or send the data in several calls", setting = "array")
        end <- now() + 60
        repeat {
            watch()
            if (!is.null(trouble)) {
                if (polled(list(socket), 1L, 0L)[1L] == 1) return(invisible())  # what was said before the end comes first
                stop(trouble)
            }
            if (polled(list(socket), 2L, 100L)[1L] == 2) break
            if (now() > end) stop(lost("it has taken nothing for 60 s"))
        }
        n <- length(parts)
        for (i in seq_len(n)) {
            sent <- pbdZMQ::zmq.msg.send(parts[[i]], socket, if (i < n) flags$SNDMORE else flags$BLOCK, serialize = FALSE)
            if (is.integer(sent) && sent < 0L) stop(lost("a message could not be sent"))
        }
    }

    receive <- function(timeout) {
        if (is.null(socket)) stop(lost("the connection is closed", "no"))
        end <- now() + timeout
        repeat {
            sockets <- if (is.null(monitor)) list(socket) else list(socket, monitor)
            ready <- polled(sockets, rep(1L, length(sockets)), as.integer(max(0, min(250, 1000 * (end - now())))))
            if (ready[1L] == 1) return(suspendInterrupts(take()))
            if (!is.null(monitor) && ready[2L] == 1) watch()
            if (is.null(monitor) && polled(list(socket), 2L, 0L)[1L] != 2) trouble <<- lost("the connection is gone")
            if (!is.null(trouble)) stop(trouble)
            if (now() >= end) return(NULL)
        }
    }

    take <- function() {
        parts <- list()
        repeat {
            parts[[length(parts) + 1L]] <- pbdZMQ::zmq.msg.recv(socket, flags$BLOCK, unserialize = FALSE)
            more <- integer(1L)  # pbdZMQ writes into it, so it must be no constant of the code
            if (pbdZMQ::zmq.getsockopt(socket, options$RCVMORE, more) != 1L) break
        }
        frame <- parts[[1L]]
        parts[[1L]] <- NULL
        if (length(frame) == 16L && identical(frame[1:4], charToRaw("ARCL"))) {
            size <- sum(as.double(frame[9:16]) * 256^(0:7))
            if (!length(parts) || length(parts[[1L]]) != size) raise("PROTOCOL_ERROR", "malformed message: a frame of ", size, " bytes was announced")
            frame <- parts[[1L]]
            parts[[1L]] <- NULL
        }
        message <- read_message(frame, parts, limits)
        if (identical(message$head$op, "hello")) {
            told <- message$head$limits
            if (is.numeric(told$message) && is.numeric(told$array)) most <<- told$message + told$array
        }
        message
    }

    list(name = target$scheme, features = character(),
         encode = function(fields) .Call(C_encode, fields, TRUE, .outside, .part),
         connect = connect, send = send, receive = receive, follow = function() NULL, leave = drop, close = drop)
}

# The three keys of a client; a pair of its own is made where only the hub's is given.
curve_keys <- function(curve) {
    if (is.character(curve) && length(curve) == 1L && is.null(names(curve))) curve <- list(server_key = curve)
    curve <- as.list(curve)
    unknown <- setdiff(names(curve), c("server_key", "public_key", "secret_key"))
    if (length(unknown) || is.null(curve$server_key))
        raise("INVALID_ARGUMENT", "curve is the hub's public key, or a list of server_key, public_key and secret_key")
    if (is.null(curve$public_key) != is.null(curve$secret_key))
        raise("INVALID_ARGUMENT", "curve needs both public_key and secret_key, or neither")
    if (is.null(curve$secret_key)) {
        made <- .Call(C_zmq_keys)
        if (is.null(made))
            raise("UNSUPPORTED", "this build of pbdZMQ makes no keys; give curve = list(server_key =, public_key =, secret_key =)")
        curve$public_key <- made[1L]
        curve$secret_key <- made[2L]
    }
    for (key in curve) if (!is.character(key) || length(key) != 1L || nchar(key) != 40L)
        raise("INVALID_ARGUMENT", "a key of CURVE is a text of 40 characters in Z85")
    curve
}
