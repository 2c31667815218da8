/* SPDX-License-Identifier: MIT */
#include "backends/pickle_numpy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int push_array(struct machine *machine, struct object_array **out)
{
	struct object *object;
	int rc = machine_charge(machine, sizeof(**out));

	if (rc == 0)
		rc = machine_push_new(machine, OBJECT_ARRAY, &object);
	if (rc)
		return rc;
	object->array = calloc(1, sizeof(*object->array));
	if (!object->array)
		return -ENOMEM;
	*out = object->array;
	return 0;
}

int array_parse_shape(const struct object *shape, uint64_t *out, int *ndim)
{
	int64_t length;

	if (!object_is_sequence(shape) || shape->list.count > ARRAY_MAX_DIMS)
		return -EINVAL;
	for (size_t i = 0; i < shape->list.count; i++) {
		if (!object_to_int(shape->list.items[i], &length) || length < 0)
			return -EINVAL;
		out[i] = (uint64_t)length;
	}
	*ndim = (int)shape->list.count;
	return 0;
}

int array_push(struct machine *machine, const struct object *dtype,
               const struct object *elements)
{
	struct object_array *array;
	int rc = push_array(machine, &array);

	if (rc)
		return rc;
	array->dtype = dtype->dtype;
	array->elements = elements;
	return 0;
}

/* _reconstruct(ndarray, (0,), b'b'): an array that BUILD will fill. */
int array_reconstruct(struct machine *machine, const struct object *args)
{
	const struct object *type = object_item(args, 0);
	struct object_array *array;

	if (args->list.count != 3 || type->kind != OBJECT_GLOBAL ||
	    type->global != GLOBAL_NDARRAY)
		return -ENOTSUP;
	return push_array(machine, &array);
}

/* Shape, dtype and order from three items of LIST. */
static int set_layout(struct object_array *array, struct object *const items[3])
{
	int64_t fortran;

	if (items[1]->kind != OBJECT_DTYPE || items[1]->dtype->ndim ||
	    !object_to_int(items[2], &fortran) ||
	    array_parse_shape(items[0], array->shape, &array->ndim))
		return -ENOTSUP;
	array->dtype = items[1]->dtype;
	array->fortran = fortran != 0;
	return 0;
}

/* (version, shape, dtype, is_fortran, elements); version 0 leaves the version
 * out. */
int array_build(struct machine *machine, struct object *object,
                const struct object *state)
{
	struct object_array array = { 0 };
	size_t first;
	int rc;

	(void)machine;
	if (!object_is_sequence(state) || object->array->dtype ||
	    state->list.count < 4 || state->list.count > 5)
		return -ENOTSUP;
	first = state->list.count - 4;
	rc = set_layout(&array, &state->list.items[first]);
	if (rc)
		return rc;
	array.elements = object_item(state, first + 3);
	if (!object_has_bytes(array.elements) ||
	    array.elements->kind == OBJECT_TEXT)
		return -ENOTSUP;
	*object->array = array;
	return 0;
}

/* The fifth argument of _frombuffer, with order 'K': a permutation. */
static int parse_axes(const struct object *axes, struct object_array *array)
{
	uint32_t seen = 0;
	int64_t axis;

	if (!object_is_sequence(axes) ||
	    axes->list.count != (size_t)array->ndim)
		return -ENOTSUP;
	for (int i = 0; i < array->ndim; i++) {
		if (!object_to_int(axes->list.items[i], &axis) || axis < 0 ||
		    axis >= array->ndim || (seen >> axis & 1))
			return -ENOTSUP;
		seen |= (uint32_t)1 << axis;
		array->axes[i] = (uint8_t)axis;
	}
	array->permuted = true;
	return 0;
}

/* _frombuffer(bytes, dtype, shape, order[, axes]) */
int array_frombuffer(struct machine *machine, const struct object *args)
{
	const struct object *elements = object_item(args, 0);
	const struct object *dtype = object_item(args, 1);
	struct object_array parsed = { .elements = elements };
	struct object_array *array;
	struct span order;
	int rc = 0;

	if (!object_has_bytes(elements) || elements->kind == OBJECT_TEXT ||
	    !dtype || dtype->kind != OBJECT_DTYPE || dtype->dtype->ndim ||
	    array_parse_shape(object_item(args, 2), parsed.shape,
	                      &parsed.ndim) ||
	    !object_to_span(object_item(args, 3), &order) || order.size != 1)
		return -ENOTSUP;
	parsed.dtype = dtype->dtype;
	parsed.fortran = order.data[0] == 'F';
	if (order.data[0] == 'K')
		rc = parse_axes(object_item(args, 4), &parsed);
	else if (order.data[0] != 'F' && order.data[0] != 'C')
		rc = -ENOTSUP;
	if (rc == 0)
		rc = push_array(machine, &array);
	if (rc == 0)
		*array = parsed;
	return rc;
}

int array_describe(struct machine *machine, const struct object_array *array,
                   uint64_t available, struct array_info *out)
{
	int rc;

	if (!array->dtype)
		return machine_invalid(machine, "an array without a state");
	rc = machine_charge(machine, array->dtype->field_count *
	                                 sizeof(struct dtype_field));
	if (rc == 0)
		rc = dtype_copy(&out->dtype, &array->dtype->type);
	if (rc)
		return rc;
	out->ndim = array->ndim;
	out->fortran = array->fortran;
	for (int i = 0; i < array->ndim; i++)
		out->shape[i] =
		    array->shape[array->permuted ? array->axes[i] : i];
	rc = array_info_measure(out);
	if (rc == -EOVERFLOW || (rc == 0 && out->nbytes != available))
		return machine_invalid(
		    machine, "an array of another size than its bytes");
	return rc;
}

int array_describe_state(struct machine *machine, struct object *const items[3],
                         uint64_t available, struct array_info *out)
{
	struct object_array array = { 0 };

	if (set_layout(&array, items))
		return machine_invalid(machine, "an unknown array state");
	return array_describe(machine, &array, available, out);
}

/* Append the elements in C order of the permuted axes. */
static int append_permuted(const struct object_array *array,
                           const unsigned char *elements,
                           const struct array_info *info, struct blob *out)
{
	uint64_t strides[ARRAY_MAX_DIMS];
	uint64_t index[ARRAY_MAX_DIMS] = { 0 };
	uint64_t stride = info->dtype.itemsize;
	int rc = 0;

	for (int i = array->ndim; i-- > 0;) {
		strides[i] = stride;
		stride *= array->shape[i];
	}
	while (rc == 0 && out->size < info->nbytes) {
		uint64_t at = 0;
		int axis = info->ndim - 1;

		for (int i = 0; i < info->ndim; i++)
			at += index[i] * strides[array->axes[i]];
		rc = blob_append(out, elements + at,
		                 (size_t)info->dtype.itemsize);
		while (axis >= 0 && ++index[axis] == info->shape[axis])
			index[axis--] = 0;
	}
	return rc;
}

int array_to_value(struct machine *machine, const struct object_array *array,
                   struct value **out)
{
	struct span elements = { 0 };
	struct array made = { 0 };
	int rc;

	if (array->elements)
		elements = array->elements->span;
	rc = array_describe(machine, array, elements.size, &made.info);
	if (rc == 0)
		rc = machine_charge(machine, sizeof(**out) + elements.size);
	if (rc == 0)
		rc = blob_reserve(&made.owned, elements.size);
	if (rc == 0)
		rc = array->permuted ? append_permuted(array, elements.data,
		                                       &made.info, &made.owned)
		                     : blob_append(&made.owned, elements.data,
		                                   elements.size);
	if (rc == 0) {
		made.data = made.owned.data;
		*out = value_new_array(&made);
		rc = *out ? 0 : -ENOMEM;
	}
	if (rc)
		array_release(&made);
	return rc;
}
