# Series of red noise, AR(1), as variable as `x` and as long: a labelled array, time by replicate.
red_noise <- function(x, replicates, seed) {
    set.seed(seed)
    x <- as.numeric(x)
    x <- x - mean(x)
    n <- length(x)
    phi <- sum(x[-1L] * x[-n]) / sum(x^2)
    steps <- matrix(rnorm((n + 100L) * replicates), ncol = replicates)
    noise <- unclass(stats::filter(steps, phi, "recursive"))[-(1:100), , drop = FALSE]
    noise <- noise * sd(x) * sqrt(1 - phi^2)
    attr(noise, "tsp") <- NULL
    dimnames(noise) <- list(time = NULL, replicate = NULL)
    structure(noise, phi = phi)
}
