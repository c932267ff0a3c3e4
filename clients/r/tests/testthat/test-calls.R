test_that("calls, code and variables", {
    each_transport(function(transport) {
        con <- shared(transport)
        expect_identical(con$math.hypot(3, 4), 5)
        expect_identical(arcuate_call(con, "sorted", c(3, 1, 2), reverse = TRUE), list(3, 2, 1))
        con[["x"]] <- data.frame(a = c(1L, NA), b = c("x", NA))
        expect_equal(con[["x"]], data.frame(a = c(1L, NA), b = c("x", NA)), ignore_attr = "arcuate")
        expect_true("x" %in% arcuate_list(con))
        arcuate_remove(con, "x")
        expect_s3_class(condition_of(con[["x"]]), "arcuate_NameNotFound")
        expect_true(all(c("python", "r") %in% arcuate_environments(con)$name))
        expect_match(arcuate_describe(con, "len")$signature, "len")
        expect_identical(arcuate_call(con, "divmod", 7L, 2L, .nargout = 2), list(3L, 1L))
    })
})

test_that("output is live, and warnings are warnings", {
    each_transport(function(transport) {
        heard <- list()
        con <- shared(transport)
        arcuate_run(con, "import sys, warnings\nprint('out')\nprint('err', file=sys.stderr)",
                    .on_output = function(text, stream) heard[[length(heard) + 1L]] <<- c(stream, text))
        streams <- vapply(heard, `[`, "", 1L)
        texts <- vapply(heard, `[`, "", 2L)
        expect_identical(paste(texts[streams == "stdout"], collapse = ""), "out\n")
        expect_identical(paste(texts[streams == "stderr"], collapse = ""), "err\n")
        expect_warning(arcuate_run(con, "warnings.warn('careful')"), "careful", class = "arcuate_warning")
    })
})

test_that("handles", {
    each_transport(function(transport) {
        con <- shared(transport)
        h <- arcuate_call(con, "collections.Counter", "hello", .keep = TRUE)
        expect_s3_class(h, "arcuate_handle")
        expect_output(print(h), "Counter", fixed = TRUE)
        expect_identical(h[["l"]], 2L)
        expect_identical(arcuate_call(con, "len", h), 4L)
        expect_identical(arcuate_call(con, arcuate_attr(h, "total")), 5L)
        arcuate_release(h)
        expect_s3_class(condition_of(arcuate_call(con, "len", h)), "arcuate_StaleHandle")
    })
})

test_that("functions are called back, and call back", {
    each_transport(function(transport) {
        con <- shared(transport)
        arcuate_run(con, "def both(f, x): return f(x) + f(x + 1)\ndef careful(f):\n  try: return f()\n  except Exception as e: return str(e)\ndef same(x): return x")
        expect_identical(con$both(function(x) arcuate_eval(con, "10") * x, 2), 50)
        expect_identical(con$careful(function() stop("not today")), "simpleError: not today")
        e <- condition_of(con$both(function(x) stop("not today"), 2))
        expect_s3_class(e, "simpleError")
        expect_identical(conditionMessage(e), "not today")
        f <- function(x) x
        expect_identical(con$same(f), f)
        depth <- function(n) if (n == 0) 0 else con$both(function(x) if (x == n) depth(n - 1) else 1, n)
        expect_identical(depth(10), 10)
    })
})

test_that("calls in progress", {
    each_transport(function(transport) {
        con <- shared(transport)
        begun <- FALSE
        call <- arcuate_submit_run(con, "print('begun', flush=True)\nwhile True: pass", .on_output = function(text, stream) begun <<- TRUE)
        while (!begun) expect_false(arcuate_ready(call, 0.05))
        arcuate_cancel(call)
        expect_s3_class(condition_of(arcuate_value(call)), "arcuate_CallCancelled")
        one <- arcuate_submit(con, "math.sqrt", 4)
        two <- arcuate_submit(con, "math.sqrt", 9)
        expect_identical(arcuate_value(two), 3)
        expect_identical(arcuate_value(one), 2)
    })
})

test_that("streams", {
    each_transport(function(transport) {
        con <- arcuate_connect(hub()[[transport]])
        on.exit(arcuate_close(con))
        topic <- paste0("r-", transport, "-", Sys.getpid())
        samples <- arcuate_subscribe(con, topic, from = 0)
        for (i in 1:3) expect_identical(arcuate_publish(con, topic, i / 10), as.double(i))
        seen <- list()
        expect_identical(arcuate_each(samples, function(one) seen[[length(seen) + 1L]] <<- one, count = 3, timeout = 20), 3)
        expect_identical(vapply(seen, `[[`, 0, "value"), c(0.1, 0.2, 0.3))
        expect_identical(vapply(seen, `[[`, 0, "sequence"), c(1, 2, 3))
        expect_identical(vapply(seen, `[[`, 0, "lost"), c(0, 0, 0))
        expect_null(arcuate_next(samples, 0.1))
        arcuate_unsubscribe(samples)
    })
})

test_that("the number of a sample is not taken for that of a message", {
    each_transport(function(transport) {
        con <- arcuate_connect(hub()[[transport]])
        samples <- arcuate_subscribe(con, paste0("r-number-", transport))
        arcuate_publish(con, paste0("r-number-", transport), list(a = 1, seq = 1L))
        expect_identical(arcuate_next(samples, 20)$value, list(a = 1, seq = 1L))
        expect_identical(arcuate:::state_of(samples$con)$seen, 0)
        arcuate_unsubscribe(samples)
        arcuate_close(con)
    })
})

test_that("warnings come with the call that fails, not with the next", {
    con <- shared("http")
    seen <- character()
    noted <- function(code) withCallingHandlers(code, warning = function(w) {
        seen <<- c(seen, conditionMessage(w))
        invokeRestart("muffleWarning")
    })
    e <- condition_of(noted(arcuate_run(con, "import warnings\nwarnings.warn('look')\nraise ValueError('no')")))
    expect_s3_class(e, "arcuate_RemoteError")
    expect_identical(seen, "look")
    noted(arcuate_eval(con, "1"))
    expect_identical(seen, "look")
})

test_that("a hub that was not asked for long is not taken for dead", {
    each_transport(function(transport) {
        con <- arcuate_connect(hub()[[transport]])  # without a session: nothing could be resumed
        on.exit(arcuate_close(con))
        topic <- paste0("r-quiet-", transport)
        samples <- arcuate_subscribe(con, topic, policy = "block", buffer = 1)
        for (i in 1:2) arcuate_publish(con, topic, i)
        state <- arcuate:::state_of(con)
        state$heard <- state$heard - 100
        call <- arcuate:::begin(state, "publish", list(topic = topic, value = 3))  # held back until there is room
        for (i in 1:4) arcuate:::step_once(state, call)
        expect_true(state$connected)
        for (i in 1:2) expect_identical(arcuate_next(samples, 20)$value, i)
        expect_identical(arcuate:::finish(state, call)$head$op, "reply")
        state$heard <- arcuate:::now() - 100  # one that was asked and says nothing is
        state$pinged <- arcuate:::now() - 50
        expect_s3_class(condition_of(arcuate:::silence(state)), "arcuate_ConnectionLost")
        arcuate_unsubscribe(samples)
    })
})

test_that("an answer that overtakes another is not taken for one that came before", {
    con <- connected("http")  # where each call has an answer of its own
    state <- arcuate:::state_of(con)
    calls <- lapply(c("1.5", "2.5"), function(code) arcuate:::begin(state, "eval", list(code = code)))
    link <- state$link
    held <- list()
    state$link$receive <- function(timeout) {
        if (!is.null(message <- link$receive(timeout))) held[[length(held) + 1L]] <<- message
        NULL
    }
    end <- Sys.time() + 30
    while (length(held) < 2L && Sys.time() < end) arcuate:::step_once(state, calls[[1L]])
    seen <- state$seen
    for (message in rev(held)) arcuate:::dispatch(state, message)
    for (message in held) arcuate:::dispatch(state, message)  # once more, as after a lost connection
    values <- lapply(calls, function(call) arcuate:::field_of(arcuate:::finish(state, call), "value", state$limits))
    expect_identical(values, list(1.5, 2.5))
    expect_identical(c(state$seen, length(state$later)), c(seen + 2, 0))
    state$link <- link
    expect_identical(arcuate_eval(con, "3.5"), 3.5)
    arcuate_close(con)
})

test_that("large arrays, and arrays of many", {
    each_transport(function(transport) {
        con <- shared(transport)
        arcuate_run(con, "def same(x): return x")
        x <- matrix(sin(seq_len(5e5)), 500)
        x[7, 7] <- NA
        expect_identical(con$same(x), x)
        texts <- sprintf("t%05d", 1:20000)
        expect_identical(con$same(texts), texts)
        several <- list(x, 1:1e5, as.raw(rep(1:5, 40000)))
        expect_identical(con$same(several), several)
    })
})

test_that("a session of R's own, and Octave's", {
    con <- connected("zmq", "r")
    expect_identical(con$identity(structure(list(a = 1), class = NULL)), list(a = 1))
    e <- condition_of(arcuate_eval(con, "stop('no')"))
    expect_s3_class(e, "arcuate_RemoteError")
    expect_identical(e$message, "no")
    arcuate_close(con)
    expect_s3_class(condition_of(con$identity(1)), "arcuate_SessionClosed")
})
