// From 1.28 c-ares marks functions as deprecated that Debian 12's 1.18 has no others for.
#define CARES_NO_DEPRECATED 1
#include <ares.h>

// Macros in older releases, an enumeration in newer ones: Swift sees the same constants of both here.
static const int cares_success = ARES_SUCCESS;
static const int cares_no_data = ARES_ENODATA;
static const int cares_form_error = ARES_EFORMERR;
static const int cares_server_failure = ARES_ESERVFAIL;
static const int cares_not_found = ARES_ENOTFOUND;
static const int cares_refused = ARES_EREFUSED;
static const int cares_bad_response = ARES_EBADRESP;
static const int cares_connection_refused = ARES_ECONNREFUSED;
static const int cares_timed_out = ARES_ETIMEOUT;
static const int cares_destruction = ARES_EDESTRUCTION;
static const int cares_cancelled = ARES_ECANCELLED;
