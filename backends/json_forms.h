/* SPDX-License-Identifier: MIT */
/*
 * json_forms.h - the objects with one key that stand for other data
 *
 * For json_*.c alone; json.h lists the forms.
 */
#ifndef ENGRAMFS_BACKENDS_JSON_FORMS_H
#define ENGRAMFS_BACKENDS_JSON_FORMS_H

#include "backends/json.h"

/*
 * Replace *VALUE, a dict as it was read, by what it stands for.  A dict that
 * is no form, or not a sound one, stays: other programs use such keys too.
 */
int json_form_read(struct value **value, enum json_arrays arrays);

/* A dict with this one key would be read as a form. */
bool json_form_is(const struct value *dict, enum json_arrays arrays);

#endif
