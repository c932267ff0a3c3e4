# Reads Arcuate's own R code into the environment `home`: compiled from the file `store`, which is made if it is not there.
# R would compile each function when it is used the second time, a third of a second in all, in every session anew.
# `store` is "" where there is no place for it; then, and where nothing can be written, the code is read as it is.
function(home, files, store) {
    parent.env(home) <- baseenv()
    code <- NULL
    if (nzchar(store)) {
        quietly <- function(expr) tryCatch(suppressWarnings(expr), error = function(e) NULL)
        code <- quietly(readRDS(store))
        if (is.null(code)) {
            part <- tempfile("part", dirname(store))
            if (isTRUE(quietly(file.create(part)))) {
                code <- quietly({
                    pieces <- unlist(lapply(files, function(file) as.list(parse(file, keep.source = FALSE, encoding = "UTF-8"))))
                    lapply(pieces, compiler::compile, env = home, options = list(suppressAll = TRUE))
                })
                quietly({ saveRDS(code, part, compress = FALSE); Sys.chmod(part, "600"); file.rename(part, store) })
                unlink(part)
            }
        }
    }
    if (is.null(code)) for (file in files) sys.source(file, home, keep.source = FALSE)
    for (piece in code) eval(piece, home)
    # R reads its compiler from disk when users' functions need it, piece by piece. Where an interrupt struck just then, R would
    # warn the next caller of an "interrupted promise": most of it is read now.
    if (!is.null(code)) compiler::cmpfun(function(x, n) {
        for (i in seq_len(n)) if (x[[i]] > 1 && !is.null(x$a)) x[i] <- x$a + f(i, "a") else x <- function(y) -y
        while (TRUE) break
        switch(n, a = 1, 2)
    })
    NULL
}
