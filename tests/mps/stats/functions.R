scaled <- function(x, by = 2) x * by

both <- function(x) list(min(x), max(x))

same <- function(x) x

told <- function(x) paste(deparse(x), collapse = "")

made <- function(code) eval(parse(text = code))

.hidden <- function() 1
