# Calls a function of another language in the hub that runs this R.
ask <- function(environment, name, ...) {
  body <- jsonlite::toJSON(list(args = list(...)), auto_unbox = TRUE, digits = NA)
  request <- curl::new_handle(copypostfields = body)
  curl::handle_setheaders(request,
    "Content-Type" = "application/json",
    Authorization = paste("Bearer", Sys.getenv("ARCUATE_DELEGATED_TOKEN")))
  url <- sprintf("%s/v1/environments/%s/call/%s", Sys.getenv("ARCUATE_DELEGATED_HTTP"), environment, name)
  answer <- jsonlite::fromJSON(rawToChar(curl::curl_fetch_memory(url, request)$content))
  if (!is.null(answer$error)) stop(answer$error$message)
  answer$value
}
