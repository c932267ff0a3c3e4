# Arcuate's own R code, part 1: evaluation, conditions, callbacks, input, figures.
# All of it lives in one environment that users do not see; `python(what, ...)` reaches the worker.

python <- function(what, ...) .External("arcuate", what, ...)
.entry <- NULL  # set by the worker: the resolved native routine, faster than its name
.globals <- globalenv()
.last <- new.env()
.self <- NULL
.offset <- .offset_print <- 1L

# --- evaluation -----------------------------------------------------------------------------------------------------

# Evaluates a call in the user's workspace. Conditions reach Python; errors and interrupts end here: the value is then a list whose
# third element is .mark. This is what tryCatch(withCallingHandlers(eval(...))) does, without its ten closures (50 us against 5 us).
.mark <- function(...) NULL
.exits <- c("error", "interrupt")
.marks <- list(.mark, .mark)
.classes <- c("error", "warning", "message")
.handlers <- NULL
evaluate <- function(call) {
    .Internal(.addCondHands(.exits, .marks, .globals, environment(), FALSE))
    .Internal(.addCondHands(.classes, .handlers, .globals, NULL, TRUE))
    .Internal(eval(call, .globals, .globals))
}

# Called while the stack of the error still stands.
note_error <- function(e) {
    .last$condition <- e
    .last$calls <- tryCatch({
        calls <- sys.calls()
        from <- 1L
        for (i in rev(seq_along(calls))) {
            if (identical(sys.function(i), evaluate)) { from <- i + .offset; break }
            if (identical(sys.function(i), evaluate_print)) { from <- i + .offset_print; break }
        }
        calls <- if (from > length(calls)) list() else as.list(calls)[from:length(calls)]
        if (length(calls) && is.function(calls[[1L]][[1L]])) calls[-1L] else calls  # a request of our own
    }, error = function(e) NULL)
}

on_warning <- function(w) {
    if (getOption("warn", 0) >= 2) return()  # becomes an error
    if (getOption("warn", 0) >= 0) python(2L, conditionMessage(w), class(w), short(conditionCall(w)))
    tryInvokeRestart("muffleWarning")
}

on_message <- function(m) {
    python(3L, conditionMessage(m), class(m))
    tryInvokeRestart("muffleMessage")
}

# One line for a call, with large values in it replaced by what they are.
short <- function(call, width = 120L) {
    if (is.null(call)) return("")
    text <- tryCatch(deparse(prune(call, 0L), width.cutoff = 500L, nlines = 2L)[1L], error = function(e) "<call>")
    if (nchar(text, "chars", allowNA = TRUE) %in% c(0:width)) text else paste0(substr(text, 1L, width), "...")
}

prune <- function(x, level) {
    if (missing(x)) return(quote(expr = ))
    if (is.call(x)) {
        if (level > 6L) return(quote(...))
        n <- length(x)
        for (i in seq_len(n)) {
            part <- tryCatch(x[[i]], error = function(e) NULL)
            if (is.null(part) || (is.symbol(part))) next
            x[[i]] <- prune(part, level + 1L)
        }
        if (n > 12L) as.call(c(as.list(x)[1:12], quote(...))) else x
    } else if (is.symbol(x) || is.null(x)) x
    else if (is.atomic(x) && length(x) <= 5L && is.null(attributes(x))) x
    else if (is.function(x)) as.name("<function>")
    else as.name(paste0("<", class(x)[1L], if (!is.null(dim(x))) paste0(" ", paste(dim(x), collapse = "x")) else if (length(x) != 1L) paste0(" ", length(x)), ">"))
}

# What the worker tells of the last failure: kind, code, message, class, stack.
failure <- function(value, name = NULL) {
    e <- value[[1L]]
    if (inherits(e, "interrupt")) return(list(2L, "", "", character(), character()))
    noted <- .last$condition
    if (is.null(e)) {
        text <- geterrmessage()
        e <- if (!is.null(noted) && grepl(substr(conditionMessage(noted), 1L, 40L), text, fixed = TRUE)) noted
             else simpleError(sub("^Error[^:]*: ?", "", sub("\n$", "", text)), value[[2L]])
    }
    calls <- if (identical(noted, e)) .last$calls
    .last$condition <- .last$calls <- NULL
    message <- tryCatch(enc2utf8(paste(conditionMessage(e), collapse = "\n")), error = function(e) "")
    call <- tryCatch(conditionCall(e), error = function(e) NULL)
    heads <- vapply(calls, function(call) { head <- call[[1L]]; if (is.symbol(head)) as.character(head) else "" }, "")
    # R's own machinery of signalling at the end of the stack
    own <- length(heads)
    while (own > 0L && (heads[own] %in% c(".handleSimpleError", "h", "note_error", "tryCatch", "tryCatchList", "tryCatchOne", "doTryCatch", "withCallingHandlers", "sys.calls", "") &&
                        !(heads[own] == "" && own < length(heads) && FALSE))) own <- own - 1L
    stack <- vapply(calls[seq_len(own)], short, "")
    if (length(stack) > 100L) stack <- c(stack[1:50], sprintf("... %d more ...", length(stack) - 100L), stack[(length(stack) - 49L):length(stack)])
    code <- error_code(e, message, own, name, if (own > 0L) heads[1L] else "")
    if (!is.null(call) && code == "REMOTE_ERROR" && length(stack) == 0L) stack <- short(call)
    list(1L, code, message, class(e), enc2utf8(stack))
}

.patterns <- NULL
error_code <- function(e, message, depth, name, first) {
    if (inherits(e, "arcuate_code")) return(e$code)
    if (!is.null(name)) {
        if (!known(name)) return("NAME_NOT_FOUND")
        return("REMOTE_ERROR")
    }
    if (is.null(.patterns)) .patterns <<- vapply(
        c(gettext("could not find function \"%s\"", domain = "R"), gettext("object '%s' not found", domain = "R")),
        function(form) { parts <- strsplit(form, "%s", fixed = TRUE)[[1L]]; paste0("^\\Q", parts[1L], "\\E[^'\"]*", if (length(parts) > 1L) paste0("\\Q", parts[2L], "\\E"), "$") }, "")
    if (depth == 0L && any(vapply(.patterns, grepl, NA, x = message, perl = TRUE))) return("NAME_NOT_FOUND")
    if (inherits(e, "packageNotFoundError") && (first %in% c("loadNamespace", "library", "requireNamespace", "::", ":::", "getNamespace"))) return("NAME_NOT_FOUND")
    "REMOTE_ERROR"
}

# Whether a function of this name, which may be pkg::name, exists.
known <- function(name) {
    !is.null(tryCatch(find_function(name), error = function(e) NULL))
}

find_function <- function(name) {
    if (grepl(":::?", name)) {
        parts <- strsplit(name, ":::?")[[1L]]
        space <- loadNamespace(parts[1L])
        if (grepl(":::", name, fixed = TRUE)) get(parts[2L], envir = space, mode = "function", inherits = FALSE)
        else { f <- getExportedValue(parts[1L], parts[2L]); if (is.function(f)) f }
    } else get(name, envir = .globals, mode = "function")
}

stop_code <- function(code, ...) stop(structure(class = c("arcuate_code", "error", "condition"), list(message = paste0(...), call = NULL, code = code)))

parse_code <- function(code, keep) parse(text = code, keep.source = keep, encoding = "UTF-8")

# evaluate() for a statement typed at a prompt: prints the value where R would.
evaluate_print <- function(call) {
    .Internal(.addCondHands(.exits, .marks, .globals, environment(), FALSE))
    .Internal(.addCondHands(.classes, .handlers, .globals, NULL, TRUE))
    out <- withVisible(.Internal(eval(call, .globals, .globals)))
    if (out$visible) if (isS4(out$value)) methods::show(out$value) else print(out$value)
    NULL
}

# Arguments that are too big to stand in a call are bound here under names of their own while the call runs, so that
# what R shows of the call (tracebacks, fit$call) stays readable.
.arguments <- NULL
unbind <- function(names) rm(list = names, envir = .arguments)

# Numbers of gc(), which looks at young objects only; vectors in use come second.
collect_young <- function() .Internal(gc(FALSE, FALSE, FALSE))

# --- callbacks ------------------------------------------------------------------------------------------------------

make_function <- function(id, name) {
    force(id); force(name)
    function(...) called_back(id, list(...))
}

# An object of another session: a function, which it may be there. It prints as what it is, and says when it is no longer used.
.dropped <- new.env()

make_foreign <- function(id, shown) {
    force(id); force(shown)
    reg.finalizer(environment(), drop_foreign)
    structure(function(...) called_back(id, list(...)), class = "arcuate_foreign")
}

drop_foreign <- function(home) .dropped$ids <- c(.dropped$ids, home$id)

print_foreign <- function(x, ...) { cat(environment(x)$shown, "\n", sep = ""); invisible(x) }

take_dropped <- function() {
    ids <- .dropped$ids
    .dropped$ids <- NULL
    as.character(ids)
}

function_id <- function(f) {
    home <- environment(f)
    if (is.environment(home) && identical(parent.env(home), .self) && !is.null(home$id)) home$id
}

called_back <- function(id, arguments) {
    out <- python(1L, id, arguments)
    if (is.environment(out)) {
        if (!is.null(out$error)) {
            found <- out$error
            out$error <- NULL
            stop(structure(class = c(found[[1L]], "pythonError", "error", "condition"), list(message = found[[2L]], call = NULL)))
        }
        value <- out$value
        out$value <- NULL
        return(value)
    }
    Sys.sleep(0)  # R looks for interrupts at once
    stop("the caller's function could not be run")
}

# --- input ----------------------------------------------------------------------------------------------------------

no_input <- function(what) stop(structure(class = c("noInputError", "error", "condition"), list(
    message = paste0(what, " waits for a person to type, and nobody can here; pass the value as an argument instead"), call = NULL)))

replace_base <- function(name, value, where) {
    space <- asNamespace(where)
    locked <- bindingIsLocked(name, space)
    if (locked) unlockBinding(name, space)
    assign(name, value, envir = space)
    if (locked) lockBinding(name, space)
    if (where != "base") {
        attached <- as.environment(paste0("package:", where))
        locked <- bindingIsLocked(name, attached)
        if (locked) unlockBinding(name, attached)
        assign(name, value, envir = attached)
        if (locked) lockBinding(name, attached)
    }
}

forbid_input <- function() {
    old_read <- base::readLines
    old_scan <- base::scan
    asks <- no_input
    console <- function(con) inherits(con, "terminal") && identical(as.integer(con), 0L)
    replace_base("readline", function(prompt = "") asks("readline()"), "base")
    replace_base("browser", function(text = "", condition = NULL, expr = TRUE, skipCalls = 0L) if (isTRUE(as.logical(expr))) asks("browser()"), "base")
    reading <- old_read
    body(reading) <- substitute({ if (console(con)) asks("readLines(stdin())"); old }, list(console = console, asks = asks, old = body(old_read)))
    replace_base("readLines", reading, "base")
    scanning <- old_scan
    body(scanning) <- substitute({
        if (missing(text) && ((is.character(file) && identical(file, "")) || (inherits(file, "connection") && console(file)))) asks("scan()")
        old
    }, list(console = console, asks = asks, old = body(old_scan)))
    replace_base("scan", scanning, "base")
    replace_base("menu", function(choices, graphics = FALSE, title = NULL) asks("menu()"), "utils")
}

# The C function system() ignores interrupts while the command runs: the worker is told, and ends the command when one comes.
interruptible_system <- function() {
    changed <- base::system
    body(changed) <- substitute({ python(5L); on.exit(if (!is.null(python(6L))) Sys.sleep(0), add = TRUE); old }, list(python = python, old = body(changed)))
    replace_base("system", changed, "base")
}

# R's children (mclapply, mcparallel, fork clusters) are made by the worker: they have a copy of all that it has, but not its other
# thread, nor any part in its channel.
own_children <- function(...) {
    space <- asNamespace("parallel")
    old <- space[["mcfork"]]
    if (is.null(old)) return()
    unlockBinding("mcfork", space)
    assign("mcfork", function(...) {
        made <- python(8L, as.call(list(old, ...)))
        if (is.null(made)) stop(sub("^Error[^:]*: ?", "", geterrmessage()), call. = FALSE)
        made
    }, envir = space)
    lockBinding("mcfork", space)
}

# --- progress -------------------------------------------------------------------------------------------------------

# A bar of txtProgressBar() is printed as always; the caller is told as well, at each percent.
tell_progress <- function() {
    old <- utils::setTxtProgressBar
    changed <- old
    body(changed) <- substitute({ before <- tryCatch(pb$getVal(), error = function(e) NA); out <- old(pb, value, title, label); progressed(pb, before, label); invisible(out) },
                                list(old = old, progressed = progressed))
    replace_base("setTxtProgressBar", changed, "utils")
}

progressed <- function(pb, before, label) {
    home <- environment(pb$getVal)
    share <- function(value) (value - home$min) / (home$max - home$min)
    done <- share(pb$getVal())
    if (!isTRUE(is.finite(done))) return()
    text <- if (is.character(label) && length(label) == 1L && !is.na(label)) enc2utf8(label) else ""
    percent <- function(share) floor(100 * share + 1e-6)
    if (nzchar(text) || !identical(percent(share(before)), percent(done))) python(7L, as.double(min(max(done, 0), 1)), text)
}

# --- figures --------------------------------------------------------------------------------------------------------

.figures <- new.env()
.figures$mime <- "image/png"
.figures$count <- 0L
.figures$devices <- integer()

open_device <- function(...) {
    .figures$count <- .figures$count + 1L
    stem <- file.path(tempdir(), sprintf("arcuate-figure-%d", .figures$count))
    if (!nzchar(.figures$mime)) grDevices::pdf(NULL)  # figures are not wanted
    else if (.figures$mime == "image/svg+xml") grDevices::svg(paste0(stem, "-%03d.svg"), width = 7, height = 5)
    else if (capabilities("cairo")) grDevices::png(paste0(stem, "-%03d.png"), width = 840, height = 600, res = 120, type = "cairo")
    else if (capabilities("png")) grDevices::png(paste0(stem, "-%03d.png"), width = 840, height = 600, res = 120)
    else grDevices::pdf(NULL)
    .figures$devices <- c(.figures$devices, grDevices::dev.cur())
    python(4L)
    invisible()
}

# Closes Arcuate's own devices and returns their pages as raw vectors.
take_figures <- function() {
    devices <- .figures$devices
    .figures$devices <- integer()
    for (device in devices) if (device %in% grDevices::dev.list()) grDevices::dev.off(device)
    files <- sort(list.files(tempdir(), "^arcuate-figure-", full.names = TRUE))
    pages <- lapply(files, function(file) readBin(file, "raw", file.size(file)))
    unlink(files)
    pages[lengths(pages) > 0L]
}

figure_type <- function() .figures$mime

# --- start ----------------------------------------------------------------------------------------------------------

set_up <- function(figures, lib, packages, source) {
    .figures$mime <- figures
    options(device = open_device, menu.graphics = FALSE, browser = function(url) cat("open", url, "\n"), pager = NULL, keep.source = FALSE,
            help_type = "text", editor = function(...) no_input("edit()"), askYesNo = function(...) no_input("askYesNo()"),
            device.ask.default = FALSE)
    options(pager = function(files, header, title, delete.file) { for (f in files) writeLines(readLines(f)); if (delete.file) unlink(files) })
    forbid_input()
    if (.Platform$OS.type == "unix") {
        interruptible_system()
        if ("parallel" %in% loadedNamespaces()) own_children()
        else setHook(packageEvent("parallel", "onLoad"), own_children)
    }
    tell_progress()
    .self <<- environment(set_up)
    .arguments <<- attach(NULL, pos = length(search()), name = "arcuate:arguments")
    if (length(lib)) .libPaths(c(lib, .libPaths()))
    for (package in packages) library(package, character.only = TRUE)
    for (file in source) sys.source(file, globalenv())
    .handlers <<- list(note_error, on_warning, on_message)
    registerS3method("print", "arcuate_foreign", print_foreign, baseenv())
    # how many frames stand between evaluate() and the user's code
    top <- sys.nframe()
    .offset <<- evaluate(quote(sys.nframe())) - top
    evaluate_print(substitute(invisible(assign(".depth", sys.nframe(), envir = place)), list(place = .last)))
    .offset_print <<- .last$.depth - top
    c(tempdir(), paste(R.version$major, R.version$minor, sep = "."))
}

new_vector <- function(type, n) vector(switch(as.character(type), `10` = "logical", `13` = "integer", `14` = "double", `15` = "complex",
                                              `16` = "character", `19` = "list", `24` = "raw"), n)
