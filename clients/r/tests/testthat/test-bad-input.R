test_that("an address that is none", {
    for (url in c("nonsense", "ftp://host/r", "http://", "zmq://host/r", "zmq+ipc://relative", NA))
        expect_s3_class(condition_of(arcuate_connect(url)), "arcuate_InvalidArgument")
    expect_s3_class(condition_of(arcuate_connect("http://127.0.0.1:1/r", curve = "x")), "arcuate_InvalidArgument")
    expect_s3_class(condition_of(arcuate_connect("zmq://127.0.0.1:1/r", ca = "x")), "arcuate_InvalidArgument")
    expect_s3_class(condition_of(arcuate_connect("zmq://127.0.0.1:1/r", curve = "short")), "arcuate_InvalidArgument")
})

test_that("hub down", {
    each_transport(function(transport) {
        e <- condition_of(arcuate_connect(paste0(transport, "://127.0.0.1:1/r"), timeout = 5))
        expect_s3_class(e, "arcuate_ConnectionLost")
        expect_identical(e$executed, "no")
    })
})

test_that("tokens, TLS and CURVE", {
    file <- Sys.getenv("ARCUATE_TEST_SECURE")
    if (!nzchar(file)) skip("secure: no hub with keys is here")
    at <- read_ready(file)
    token <- Sys.getenv("ARCUATE_TEST_TOKEN")
    ca <- Sys.getenv("ARCUATE_TEST_CA")
    key <- Sys.getenv("ARCUATE_TEST_SERVER_KEY")
    https <- function(...) arcuate_connect(paste0(at[["http"]], "/python"), ...)
    curve <- function(...) arcuate_connect(paste0(at[["zmq"]], "/python"), timeout = 10, ...)
    for (con in list(https(token = token, ca = ca), curve(token = token, curve = key))) {
        expect_identical(con$len("safe"), 4L)
        arcuate_close(con)
    }
    refused <- list(quote(https(token = "wrong", ca = ca)), quote(https(ca = ca)), quote(https(token = token)), quote(https(token = "not ascii \u017e", ca = ca)),
                    quote(curve(token = "wrong", curve = key)), quote(curve(curve = key)), quote(curve(token = token, curve = strrep("0", 40))))
    for (one in refused) expect_s3_class(condition_of(eval(one)), "arcuate_AuthenticationFailed")
    expect_match(conditionMessage(condition_of(curve(token = token))), "curve = server_key", fixed = TRUE)  # without a key
})

test_that("wrong environment, unknown function, foreign error", {
    each_transport(function(transport) {
        expect_s3_class(condition_of(connected(transport, "nowhere")), "arcuate_EnvironmentNotFound")
        con <- shared(transport)
        e <- condition_of(con$no_such_function(1))
        expect_s3_class(e, "arcuate_NameNotFound")
        e <- condition_of(arcuate_eval(con, "[][1]"))
        expect_s3_class(e, "arcuate_RemoteError")
        expect_identical(e$class[1L], "IndexError")
        expect_identical(e$executed, "yes")
        expect_true(length(e$stack) > 0L)
        expect_identical(conditionMessage(e), "list index out of range")
        expect_s3_class(condition_of(arcuate_call(con, "len", .timeout = -1)), "arcuate_InvalidArgument")
        expect_s3_class(condition_of(arcuate_call(con, 7)), "arcuate_InvalidArgument")
        expect_s3_class(condition_of(con$f <- 1), "arcuate_InvalidArgument")
        expect_identical(condition_of(con$len(list(1, globalenv())))$path, "$.args[0][1]")
        expect_identical(condition_of(arcuate_call(con, "dict", .named = list(a = quote(x))))$path, "$.named.a")
        expect_identical(con$len("still usable"), 12L)
    })
})

test_that("oversized", {
    each_transport(function(transport) {
        con <- connected(transport, limits = c(array = 1e5))
        on.exit(arcuate_close(con))
        e <- condition_of(con$len(double(20000)))
        expect_s3_class(e, "arcuate_LimitExceeded")
        expect_identical(e$setting, "array")
        expect_identical(e$executed, "no")
        e <- condition_of(arcuate_eval(con, "bytes(200000)"))
        expect_s3_class(e, "arcuate_LimitExceeded")
        expect_identical(con$len("still usable"), 12L)
    })
})

test_that("what is refused is an error of its own call", {
    each_transport(function(transport) {
        con <- connected(transport, limits = c(text = 1000))
        on.exit(arcuate_close(con))
        state <- arcuate:::state_of(con)
        first <- arcuate_submit(con, "str", "x")
        large <- arcuate_submit(con, "str.zfill", "x", 5000L)
        last <- arcuate_submit(con, "str", "y")
        expect_identical(arcuate_value(last), "y")
        expect_identical(arcuate_value(first), "x")
        e <- condition_of(arcuate_value(large))
        expect_s3_class(e, "arcuate_LimitExceeded")
        expect_identical(e$setting, "text")
        expect_false(identical(e$executed, "no"))
        seen <- state$seen
        expect_identical(con$len("still usable"), 12L)
        expect_gt(state$seen, seen)  # or the hub would keep everything from here on
        expect_length(state$later, 0L)
    })
})

test_that("deadline", {
    each_transport(function(transport) {
        con <- shared(transport)
        expect_s3_class(condition_of(arcuate_run(con, "while True: pass", .timeout = 0.2)), "arcuate_CallTimeout")
        expect_identical(con$len("still usable"), 12L)
    })
})

test_that("garbage from the server", {
    for (name in c("ARCUATE_TEST_GARBAGE", "ARCUATE_TEST_NOISE")) {
        port <- Sys.getenv(name)
        if (!nzchar(port)) skip("faults: no faulty server is here")
        e <- condition_of(arcuate_connect(paste0("http://127.0.0.1:", port, "/r"), timeout = 5))
        expect_s3_class(e, "arcuate_error")
        expect_true(class(e)[1L] %in% c("arcuate_ProtocolError", "arcuate_ConnectionLost"))
    }
    e <- condition_of(arcuate_connect(paste0("zmq://127.0.0.1:", port, "/r"), timeout = 3))
    expect_true(class(e)[1L] %in% c("arcuate_AuthenticationFailed", "arcuate_ConnectionLost"))
})

test_that("connection lost in the middle of a large array: the session comes back", {
    each_transport(function(transport) {
        port <- Sys.getenv(paste0("ARCUATE_TEST_CUT_ONCE_", toupper(transport)))
        if (!nzchar(port)) skip("faults: no faulty server is here")
        con <- arcuate_connect(paste0(transport, "://127.0.0.1:", port, "/python"))
        on.exit(arcuate_close(con))
        arcuate_run(con, "n = 0\ndef counted(x):\n  global n; n += 1\n  return x")
        x <- sin(seq_len(5e5))
        expect_identical(con$counted(x), x)
        expect_identical(con[["n"]], 1L)  # carried out once
    })
})

test_that("connection lost for good", {
    each_transport(function(transport) {
        port <- Sys.getenv(paste0("ARCUATE_TEST_CUT_", toupper(transport)))
        if (!nzchar(port)) skip("faults: no faulty server is here")
        con <- arcuate_connect(paste0(transport, "://127.0.0.1:", port, "/python"))
        arcuate_run(con, "def same(x): return x")
        e <- condition_of(con$same(sin(seq_len(5e5))))
        expect_s3_class(e, "arcuate_ConnectionLost")
        expect_identical(e$executed, "maybe")
        expect_s3_class(condition_of(con$len("gone")), "arcuate_SessionClosed")
        arcuate_close(con)
    })
})
