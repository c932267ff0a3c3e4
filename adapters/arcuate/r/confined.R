# The site profile of a confined R, which can start no program (R_PROFILE): read before the package utils, which asks
# `which` and `uname` for the system while it is loaded.

local({
    none <- function(names) { found <- character(length(names)); names(found) <- names; found }
    environment(none) <- baseenv()
    unlockBinding("Sys.which", baseenv())
    assign("Sys.which", none, envir = baseenv())
    lockBinding("Sys.which", baseenv())
})
local({
    site <- file.path(R.home("etc"), "Rprofile.site")
    if (file.exists(site)) sys.source(site, globalenv())
})
