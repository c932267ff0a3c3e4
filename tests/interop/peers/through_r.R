# Values of R through Python by reticulate: Rscript through_r.R FOLDER PYTHON FIRST.
# FOLDER holds 1.rds, 2.rds, ...; what comes back from an identity function in Python is saved as 1.back.rds.
# Prints a line for each: its number, "began", then "equal", "other", "object" or "refused", and a text after a tab.
arguments <- commandArgs(TRUE)
folder <- arguments[[1]]
Sys.setenv(RETICULATE_PYTHON = arguments[[2]])
suppressPackageStartupMessages(library(reticulate))
identity_there <- py_run_string("def identity(x): return x", local = FALSE)$identity
say <- function(...) {
  cat(..., "\n", sep = "\t")
  flush(stdout())
}
one_line <- function(text) gsub("[\r\n\t]+", " ", substr(text, 1, 400))
python <- sub(" .*", "", py_config()$version_string)
say(0, "versions", as.character(packageVersion("reticulate")), as.character(getRversion()), python)
# reticulate notes the index of the data frame in Python as an attribute: no change of the value.
without_note <- function(x) {
  attr(x, "pandas.index") <- NULL
  if (is.list(x) && !is.object(x)) x[] <- lapply(x, without_note)
  x
}
numbers <- sort(as.integer(sub("\\.rds$", "", list.files(folder, "^[0-9]+\\.rds$"))))
for (number in numbers[numbers >= as.integer(arguments[[3]])]) {
  say(number, "began")
  x <- readRDS(file.path(folder, paste0(number, ".rds")))
  tryCatch({
    back <- without_note(identity_there(x))
    if (inherits(back, "python.builtin.object")) {
      say(number, "object", one_line(paste(class(back), collapse = ", ")))
    } else {
      saveRDS(back, file.path(folder, paste0(number, ".back.rds")))
      say(number, if (identical(x, back)) "equal" else "other")
    }
  }, error = function(refusal) say(number, "refused", one_line(conditionMessage(refusal))))
}
