/* SPDX-License-Identifier: MIT */
#include "backends/journal_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

size_t journal_pages_find(const struct journal_pages *pages, uint64_t offset)
{
	size_t low = 0;
	size_t high = pages->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (pages->items[middle]->offset + JOURNAL_PAGE <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct journal_page *journal_pages_get(const struct journal_pages *pages,
                                       uint64_t offset)
{
	size_t index = journal_pages_find(pages, offset);

	if (index == pages->count || pages->items[index]->offset != offset)
		return NULL;
	return pages->items[index];
}

int journal_pages_add(struct journal_pages *pages, uint64_t offset,
                      struct journal_page **out)
{
	size_t index = journal_pages_find(pages, offset);
	struct journal_page *page;

	if (pages->count == pages->capacity) {
		size_t capacity = pages->capacity ? 2 * pages->capacity : 64;
		struct journal_page **items =
		    reallocarray(pages->items, capacity, sizeof(*items));

		if (!items)
			return -ENOMEM;
		pages->items = items;
		pages->capacity = capacity;
	}
	page = malloc(sizeof(*page));
	if (!page)
		return -ENOMEM;
	page->offset = offset;
	memmove(&pages->items[index + 1], &pages->items[index],
	        (pages->count - index) * sizeof(struct journal_page *));
	pages->items[index] = page;
	pages->count++;
	*out = page;
	return 0;
}

void journal_pages_remove(struct journal_pages *pages, uint64_t offset)
{
	size_t index = journal_pages_find(pages, offset);

	free(pages->items[index]);
	pages->count--;
	memmove(&pages->items[index], &pages->items[index + 1],
	        (pages->count - index) * sizeof(struct journal_page *));
}

void journal_pages_clear(struct journal_pages *pages)
{
	for (size_t i = 0; i < pages->count; i++)
		free(pages->items[i]);
	pages->count = 0;
}

void journal_pages_release(struct journal_pages *pages)
{
	journal_pages_clear(pages);
	free(pages->items);
	*pages = (struct journal_pages){ 0 };
}
