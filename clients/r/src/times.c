/* Dates, times and durations between counts of a unit and R's doubles. R keeps an instant as a double of seconds:
   everything is checked to come back as it was. Nanoseconds of an instant are the one permitted loss. */
#include "arcuate.h"
#include <math.h>
#include <string.h>

static const double per_second[UNITS] = {[U_S] = 1, [U_MS] = 1e3, [U_US] = 1e6, [U_NS] = 1e9};
static const double seconds_in[UNITS] = {[U_MIN] = 60, [U_H] = 3600, [U_D] = 86400, [U_W] = 604800};

static int unit_code(const char *name)
{
    for (int i = 1; i < UNITS; i++)
        if (strcmp(name, unit_names[i]) == 0)
            return i;
    return 0;
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }

/* Days since 1970 of the first of a month, counted from January 1970. */
static int64_t month_days(int64_t month)
{
    int64_t year = 1970 + floor_div(month, 12), m = month - 12 * floor_div(month, 12) + 1;
    year -= m <= 2; /* the year begins in March: leap days come last */
    int64_t era = floor_div(year, 400), yoe = year - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

/* The month, counted from January 1970, that begins on this day; INT64_MIN if none does. */
static int64_t month_of(int64_t days)
{
    int64_t guess = (int64_t)floor((double)days / 30.436875);
    for (int64_t month = guess - 2; month <= guess + 2; month++)
        if (month_days(month) == days)
            return month;
    return INT64_MIN;
}

double datetime_seconds(const Nodes *nodes, uint32_t at, int64_t count, int unit, int *note)
{
    int zoned = u32_at(nodes->tlen, at) > 0;
    *note = unit;
    if (unit == U_MONTH || unit == U_Y) {
        double months = unit == U_Y ? 12.0 * (double)count : (double)count;
        if (fabs(months) > 1e10)
            fail("CONVERSION", node_path(nodes, at), "", "a date-time is further from 1970 than R's double holds");
        return 86400.0 * (double)month_days((int64_t)months);
    }
    if (unit >= U_MIN && unit <= U_W) {
        double seconds = (double)count * seconds_in[unit];
        if ((double)count > 9e15 || (double)count < -9e15)
            fail("CONVERSION", node_path(nodes, at), "", "a date-time is further from 1970 than R's double holds");
        return seconds;
    }
    if (unit >= U_NS) {
        int64_t fine = unit == U_NS ? 1000 : unit == U_PS ? 1000000 : unit == U_FS ? 1000000000 : 1000000000000;
        if (zoned && count % fine)
            fail("CONVERSION", node_path(nodes, at), "",
                 "an instant has parts of a microsecond, which R's double of seconds does not hold; round it to microseconds");
        count = floor_div(count, fine);
        unit = U_US;
        *note = U_NS;
    }
    double scale = per_second[unit], seconds = (double)count / scale, back = nearbyint(seconds * scale);
    if (fabs(back) >= 9223372036854775808.0 || (int64_t)back != count)
        fail("CONVERSION", node_path(nodes, at), "",
             "a date-time is so far from 1970 that R's double of seconds does not hold its microseconds; round it to "
             "milliseconds or seconds");
    return seconds;
}

double duration_value(const Nodes *nodes, uint32_t at, int64_t count, int unit, const char **name, int *note)
{
    static const char *const names[UNITS] = {[U_MIN] = "mins", [U_H] = "hours", [U_D] = "days", [U_W] = "weeks"};
    if (unit == U_MONTH || unit == U_Y)
        fail("CONVERSION", node_path(nodes, at), "", "R's difftime has no months and years; convert them to days");
    if (unit >= U_PS)
        fail("CONVERSION", node_path(nodes, at), "",
             "R's difftime does not hold durations in '%s'; convert them to 'ns' or coarser", unit_names[unit]);
    double scale = names[unit] ? 1 : per_second[unit];
    *name = names[unit] ? names[unit] : "secs";
    *note = names[unit] || unit == U_US ? 0 : unit;
    double value = (double)count / scale, back = nearbyint(value * scale);
    if (fabs(back) >= 9223372036854775808.0 || (int64_t)back != count)
        fail("CONVERSION", node_path(nodes, at), "",
             "a duration in '%s' is too long for R's double to hold exactly; use a coarser unit", unit_names[unit]);
    return value;
}

/* ---- out */

/* What is written: counts of a unit, and which are missing. */
typedef struct {
    int64_t *counts;
    uint8_t *mask;
    R_xlen_t n;
    int dtype, unit;
} Times;

static double *doubles(Writer *w, SEXP x, Times *t, const char *what)
{
    double *values = (double *)R_alloc((size_t)t->n + 1, 8);
    for (R_xlen_t i = 0; i < t->n; i++) {
        values[i] = TYPEOF(x) == INTSXP ? (INTEGER(x)[i] == NA_INTEGER ? NA_REAL : INTEGER(x)[i]) : REAL(x)[i];
        if (isinf(values[i]))
            fail("CONVERSION", writer_path(w), "", "an infinite %s has no value elsewhere; replace it, by NA for instance",
                 what);
        if (isnan(values[i])) {
            if (t->mask == NULL) {
                t->mask = (uint8_t *)R_alloc((size_t)t->n, 1);
                memset(t->mask, 0, (size_t)t->n);
            }
            t->mask[i] = 1;
            values[i] = 0;
        }
    }
    return values;
}

/* The counts of a unit, where they give the seconds back; far from 1970 microseconds would be rounded, others are not. */
static int in_unit(Times *t, const double *seconds, int unit)
{
    double scale = per_second[unit], length = seconds_in[unit];
    for (R_xlen_t i = 0; i < t->n; i++) {
        double count = nearbyint(length != 0 ? seconds[i] / length : seconds[i] * scale);
        if (fabs(count) >= 9223372036854775808.0 || (length != 0 ? count * length : count / scale) != seconds[i])
            return 0;
        t->counts[i] = (int64_t)count;
    }
    t->unit = unit;
    return 1;
}

static int in_months(Times *t, const double *seconds, int unit)
{
    int64_t each = unit == U_Y ? 12 : 1;
    for (R_xlen_t i = 0; i < t->n; i++) {
        double days = seconds[i] / 86400;
        int64_t month = fabs(days) < 4e12 && days == floor(days) ? month_of((int64_t)days) : INT64_MIN;
        if (month == INT64_MIN || month % each)
            return 0;
        t->counts[i] = month / each;
    }
    t->unit = unit;
    return 1;
}

static void datetimes(Writer *w, SEXP x, Times *t, int wanted)
{
    double *seconds = doubles(w, x, t, "date-time");
    if (t->n == 0) {
        t->unit = wanted;
        return;
    }
    int fine = wanted == U_NS || wanted >= U_PS;
    if (wanted == U_MONTH || wanted == U_Y) {
        if (in_months(t, seconds, wanted))
            return;
    } else if (!fine && wanted != U_US && in_unit(t, seconds, wanted))
        return;
    int64_t most = 0;
    for (R_xlen_t i = 0; i < t->n; i++) {
        double micros = nearbyint(seconds[i] * 1e6);
        if (fabs(micros) >= 9223372036854775808.0)
            fail("CONVERSION", writer_path(w), "", "a date-time lies outside the years that 64-bit microseconds hold");
        t->counts[i] = (int64_t)micros;
        int64_t size = t->counts[i] < 0 ? -t->counts[i] : t->counts[i];
        most = size > most ? size : most;
    }
    t->unit = U_US;
    if (fine && (double)most < 9.2e15) {
        for (R_xlen_t i = 0; i < t->n; i++)
            t->counts[i] *= 1000;
        t->unit = U_NS;
    }
}

static void dates(Writer *w, SEXP x, Times *t)
{
    double *days = doubles(w, x, t, "Date");
    int whole = 1;
    for (R_xlen_t i = 0; i < t->n; i++)
        whole = whole && days[i] == floor(days[i]);
    t->dtype = whole ? D_DATE : D_DATETIME;
    t->unit = whole ? 0 : U_US;
    for (R_xlen_t i = 0; i < t->n; i++) {
        double count = whole ? days[i] : nearbyint(days[i] * 86400e6);
        if (fabs(count) > (whole ? 2147483647.0 : 9.2e18))
            fail("CONVERSION", writer_path(w), "", "a Date lies further from 1970 than 32-bit days hold");
        t->counts[i] = (int64_t)count;
    }
}

static void durations(Writer *w, SEXP x, Times *t, const char *units, int wanted)
{
    int own = strcmp(units, "mins") == 0 ? U_MIN : strcmp(units, "hours") == 0 ? U_H : strcmp(units, "days") == 0 ? U_D
            : strcmp(units, "weeks") == 0 ? U_W : strcmp(units, "secs") == 0 ? U_S : U_NONE;
    if (own == U_NONE)
        fail("CONVERSION", writer_path(w), "", "a difftime in '%s'; secs, mins, hours, days and weeks can travel", units);
    if (t->n == 0) {
        t->unit = wanted ? wanted : own == U_S ? U_US : own;
        return;
    }
    double *values = doubles(w, x, t, "difftime"), in_seconds = own == U_S ? 1 : seconds_in[own];
    int tries[5] = {wanted, own != U_S ? own : 0, U_US, U_NS, 0};
    for (int k = 0; k < 4; k++) {
        int unit = tries[k];
        if (!unit || (per_second[unit] == 0 && unit != own))
            continue;
        double scale = per_second[unit] != 0 ? in_seconds * per_second[unit] : 1;
        int good = 1;
        for (R_xlen_t i = 0; i < t->n && good; i++) {
            double count = nearbyint(values[i] * scale);
            good = fabs(count) < 9223372036854775808.0 && (unit == U_NS || count / scale == values[i]);
            if (good)
                t->counts[i] = (int64_t)count;
        }
        if (good) {
            t->unit = unit;
            return;
        }
    }
    for (R_xlen_t i = 0; i < t->n; i++) {
        double count = nearbyint(values[i] * in_seconds * 1e6);
        if (fabs(count) >= 9223372036854775808.0)
            fail("CONVERSION", writer_path(w), "", "a difftime is longer than 64-bit microseconds hold");
        t->counts[i] = (int64_t)count;
    }
    t->unit = U_US;
}

/* plan() names the classes by number: 2 POSIXct, 3 Date, 4 difftime, 12 integer64. */
void write_times(Writer *w, int code, SEXP plan, const char *key, int scalar)
{
    SEXP x = VECTOR_ELT(plan, 1), dim = VECTOR_ELT(plan, 2);
    Times t = {NULL, NULL, XLENGTH(x), D_DATETIME, 0};
    t.counts = (int64_t *)R_alloc((size_t)t.n + 1, 8);
    const char *zone = "";
    if (code == 2) {
        zone = utf8(w, STRING_ELT(VECTOR_ELT(plan, 3), 0));
        datetimes(w, x, &t, unit_code(CHAR(STRING_ELT(VECTOR_ELT(plan, 4), 0))));
    } else if (code == 3)
        dates(w, x, &t);
    else if (code == 4) {
        t.dtype = D_DURATION;
        durations(w, x, &t, CHAR(STRING_ELT(VECTOR_ELT(plan, 3), 0)),
                  unit_code(CHAR(STRING_ELT(VECTOR_ELT(plan, 4), 0))));
    } else { /* the bits of the doubles are the integers, -2^63 is NA */
        t.dtype = D_I8;
        if (t.n)
            memcpy(t.counts, REAL(x), 8 * (size_t)t.n);
        for (R_xlen_t i = 0; i < t.n; i++)
            if (t.counts[i] == INT64_MIN) {
                if (t.mask == NULL) {
                    t.mask = (uint8_t *)R_alloc((size_t)t.n, 1);
                    memset(t.mask, 0, (size_t)t.n);
                }
                t.mask[i] = 1;
                t.counts[i] = 0;
            }
    }
    if (scalar) {
        Row *row;
        if (t.mask) {
            row = add_row(w, K_MISSING, key);
            row->dtype = (uint8_t)t.dtype;
            row->unit = (uint8_t)(t.dtype == D_DATETIME || t.dtype == D_DURATION ? t.unit : 0);
            return;
        }
        int kind = t.dtype == D_DATETIME ? K_DATETIME : t.dtype == D_DATE ? K_DATE : t.dtype == D_DURATION ? K_DURATION : K_INT;
        row = add_row(w, kind, key);
        row->unit = (uint8_t)t.unit;
        row->value = (uint64_t)t.counts[0];
        if (kind == K_DATETIME)
            set_text(row, zone);
        return;
    }
    const void *data = t.counts;
    if (t.dtype == D_DATE) {
        int32_t *narrow = (int32_t *)R_alloc((size_t)t.n + 1, 4);
        for (R_xlen_t i = 0; i < t.n; i++)
            narrow[i] = (int32_t)t.counts[i];
        data = narrow;
    }
    Row *row = add_row(w, K_ARRAY, key);
    row->dtype = (uint8_t)t.dtype;
    row->unit = (uint8_t)t.unit;
    row->flags = t.mask ? ARRAY_MASK : 0;
    set_text(row, t.dtype == D_DATETIME ? zone : "");
    if (dim == R_NilValue) {
        row->count = 1;
        add_pool(w, (uint64_t)t.n);
    } else {
        row->count = (uint32_t)XLENGTH(dim);
        row->flags |= row->count > 1 ? ARRAY_FORTRAN : 0;
        for (R_xlen_t i = 0; i < XLENGTH(dim); i++)
            add_pool(w, (uint64_t)INTEGER(dim)[i]);
    }
    add_buf(w, data, (uint64_t)t.n * (uint64_t)item_size[t.dtype]);
    if (t.mask)
        add_buf(w, t.mask, (uint64_t)t.n);
}
