library(testthat)
library(arcuate)
if (dir.exists("testthat")) test_dir("testthat", package = "arcuate", load_package = "installed", stop_on_failure = TRUE, reporter = "summary")
