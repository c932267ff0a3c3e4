#' Streams of samples
#'
#' A topic of the hub carries samples, values of any kind, numbered 1, 2, 3, ... `arcuate_publish()` adds one;
#' `arcuate_subscribe()` reads them, by [arcuate_next()] one by one or by a handler.
#'
#' @inheritParams arcuate_call
#' @param topic the name of the topic.
#' @param value the sample.
#' @param from the first number wanted: 0 for the oldest that is kept; by default from now on.
#' @param policy what happens when more samples wait than `buffer`: `"drop"` loses the oldest, `"block"` holds the publisher
#'   back, `"disconnect"` ends the subscription.
#' @param buffer how many samples may wait.
#' @param subscription what `arcuate_subscribe()` returned.
#' @param timeout seconds to wait for a sample.
#' @return `arcuate_publish()`: the number of the sample. `arcuate_next()`: a list of `sequence`, `lost` (so many samples before
#'   it were not delivered), `time`, `topic` and `value`; `NULL` when none came in time. `arcuate_each()`: how many samples
#'   the handler was given.
#' @examples
#' \dontrun{
#' hub <- arcuate_connect("http://127.0.0.1:8080")
#' blocks <- arcuate_subscribe(hub, "eeg", from = 0)
#' arcuate_publish(hub, "eeg", matrix(rnorm(8), 2))
#' arcuate_next(blocks)$value
#' }
#' @export
arcuate_publish <- function(con, topic, value) {
    state <- state_of(con)
    if (is.null(state$publisher)) state$publisher <- random_hex(16L)
    state$published <- either(state$published, 0) + 1
    fields <- list(topic = one_text(topic), value = value, publisher = paste0(state$publisher, ":", topic), number = state$published)
    field_of(request(state, "publish", fields), "value", state$limits, plain = TRUE)
}

#' @rdname arcuate_publish
#' @export
arcuate_subscribe <- function(con, topic, from = NULL, policy = c("drop", "block", "disconnect"), buffer = 100) {
    policy <- match.arg(policy)
    again <- state_of(con)$again
    # a connection of its own: its samples wait for nobody's calls
    target <- parse_address(again$url)
    address <- if (target$scheme == "zmq+ipc") paste0(target$plain, "/") else target$address
    own <- arcuate_connect(paste0(target$scheme, "://", address), token = again$token, ca = again$ca, curve = again$curve, limits = again$limits)
    state <- state_of(own)
    fields <- list(topic = one_text(topic), from = if (!is.null(from)) as.double(from), policy = policy, buffer = as.double(buffer))
    call <- begin(state, "subscribe", fields)
    key <- as.character(call$id)
    place <- new.env(parent = emptyenv())
    place$queue <- list()
    place$taken <- 0
    state$samples[[key]] <- place
    begun <- field_of(finish(state, call), "value", state$limits, plain = TRUE)
    state$link$follow()
    structure(list(con = own, place = place, id = call$id, topic = topic, buffer = buffer, begun = begun), class = "arcuate_subscription")
}

#' @rdname arcuate_publish
#' @export
arcuate_next <- function(subscription, timeout = Inf) {
    state <- state_of(subscription$con)
    place <- subscription$place
    end <- now() + timeout
    while (!length(place$queue)) {
        if (!is.null(place$error)) stop(place$error)
        check_open(state)
        message <- state$link$receive(max(0, min(0.25, end - now())))
        if (!is.null(message)) dispatch(state, message)
        else if (now() >= end) return(NULL)
    }
    message <- place$queue[[1L]]
    place$queue[[1L]] <- NULL
    place$taken <- place$taken + 1
    if (place$taken >= max(1, floor(subscription$buffer / 2))) {
        credit <- list(op = "credit", id = 0, subscription = subscription$id, count = place$taken)
        tryCatch(send(state, credit), arcuate_ConnectionLost = function(e) NULL)  # the next wait finds it, this sample is here
        place$taken <- 0
    }
    head <- message$head
    list(sequence = head$sequence, lost = either(head$lost, 0), time = head$time, topic = subscription$topic,
         value = field_of(message, "value", state$limits, state = state))
}

#' @rdname arcuate_publish
#' @param handler a function of a sample; it ends the loop by returning `FALSE`.
#' @param count how many samples to read at most.
#' @export
arcuate_each <- function(subscription, handler, count = Inf, timeout = Inf) {
    done <- 0
    while (done < count) {
        sample <- arcuate_next(subscription, timeout)
        if (is.null(sample)) break
        done <- done + 1
        if (identical(handler(sample), FALSE)) break
    }
    done
}

#' @rdname arcuate_publish
#' @export
arcuate_unsubscribe <- function(subscription) arcuate_close(subscription$con)

# The hub ends a subscription.
ended <- function(state, key, head) if (head$op == "error") state$samples[[key]]$error <- error_of(head)

#' @export
close.arcuate_subscription <- function(con, ...) arcuate_unsubscribe(con)

#' @export
print.arcuate_subscription <- function(x, ...) {
    cat("<arcuate subscription to ", x$topic, ">\n", sep = "")
    invisible(x)
}
