# R calls Octave and Python through a hub:  arcuate serve --http 127.0.0.1:8080
library(arcuate)
hub <- Sys.getenv("HUB", "http://127.0.0.1:8080")

octave <- arcuate_connect(paste0(hub, "/octave"))
a <- matrix(c(4, 1, 2, 3), 2)
parts <- arcuate_call(octave, "eig", a, .nargout = 2)
print(sort(round(diag(parts[[2]]), 6)))

python <- arcuate_connect(paste0(hub, "/python"))
python[["patients"]] <- data.frame(
    name = c("Ada", "Bo"),
    group = factor(c("treated", NA)),
    weight = c(61.5, NA),
    seen = as.Date(c("2024-02-29", "2024-03-01"))
)
print(arcuate_eval(python, "str(patients.isna().sum().to_dict())"))
print(python[["patients"]]$group)

# a function of R that Python calls, which asks Octave
arcuate_run(python, "def twice(f, x): return f(x) + f(x)")
print(python$twice(function(x) octave$sqrt(x), 16))

failed <- tryCatch(arcuate_eval(python, "[][3]"), arcuate_RemoteError = function(e) e)
print(conditionMessage(failed))
print(failed$class[1])

arcuate_close(python)
arcuate_close(octave)
