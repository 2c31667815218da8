/* SPDX-License-Identifier: MIT */
/*
 * libyaml's documents are used as they are: libcyaml loads into structs, and
 * tells neither the line of a value nor, but as text for a log, of a mistake.
 */
#include "fs/settings_row.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <yaml.h>

struct walk {
	yaml_document_t *document;
	const char *section;
	setting_entry_fn *fn;
	void *arg;
	char *why;
};

static const char *node_text(const yaml_node_t *node)
{
	return (const char *)node->data.scalar.value;
}

/* Texts with a NUL inside would be cut. */
static bool is_text(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE &&
	       strlen(node_text(node)) == node->data.scalar.length;
}

static bool is_null(const yaml_node_t *node)
{
	const char *text = node_text(node);

	return node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (strcmp(text, "") == 0 || strcmp(text, "~") == 0 ||
	        strcasecmp(text, "null") == 0);
}

/* 1 for the first line. */
static unsigned int line_of(const yaml_mark_t *mark)
{
	return (unsigned int)mark->line + 1;
}

static int blame(const struct walk *walk, const yaml_node_t *node,
                 const char *what)
{
	snprintf(walk->why, SETTINGS_WHY_SIZE, "%s", what);
	return setting_blame(walk->why, "%u: ", line_of(&node->start_mark));
}

static int visit(struct walk *walk, const char *key, const yaml_node_t *at,
                 const yaml_node_t *value)
{
	struct setting_entry entry = {
		.section = walk->section,
		.key = key,
		.is_single = is_text(value),
		.line = line_of(&at->start_mark),
	};
	int rc;

	if (entry.is_single && !is_null(value))
		entry.value = node_text(value);
	rc = walk->fn(&entry, walk->arg, walk->why);
	return rc == -EINVAL ? setting_blame(walk->why, "%u: ", entry.line)
	                     : rc;
}

static int visit_mapping(struct walk *walk, const yaml_node_t *mapping,
                         bool top);

static int visit_pair(struct walk *walk, const yaml_node_pair_t *pair, bool top)
{
	const yaml_node_t *key =
	    yaml_document_get_node(walk->document, pair->key);
	const yaml_node_t *value =
	    yaml_document_get_node(walk->document, pair->value);
	int rc;

	if (!is_text(key) || !node_text(key)[0])
		return blame(walk, key, "a name is needed");
	if (!top || value->type != YAML_MAPPING_NODE)
		return visit(walk, node_text(key), key, value);
	walk->section = node_text(key);
	rc = visit(walk, "", key, value);
	if (rc == 0)
		rc = visit_mapping(walk, value, false);
	walk->section = "";
	return rc;
}

static int visit_mapping(struct walk *walk, const yaml_node_t *mapping,
                         bool top)
{
	const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
	int rc = 0;

	for (; rc == 0 && pair < mapping->data.mapping.pairs.top; pair++)
		rc = visit_pair(walk, pair, top);
	return rc;
}

static int visit_document(struct walk *walk)
{
	const yaml_node_t *root = yaml_document_get_root_node(walk->document);

	if (!root || (is_text(root) && is_null(root)))
		return 0;
	if (root->type != YAML_MAPPING_NODE)
		return blame(walk, root, "keys and their values are needed");
	return visit_mapping(walk, root, true);
}

static int load(yaml_parser_t *parser, yaml_document_t *document,
                char why[SETTINGS_WHY_SIZE])
{
	if (yaml_parser_load(parser, document))
		return 0;
	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	snprintf(why, SETTINGS_WHY_SIZE, "%u: %s",
	         line_of(&parser->problem_mark),
	         parser->problem ? parser->problem : "cannot be read");
	return -EINVAL;
}

/* A second document would be settings that nobody reads. */
static int refuse_more(yaml_parser_t *parser, char why[SETTINGS_WHY_SIZE])
{
	yaml_document_t document;
	const yaml_node_t *root;
	int rc = load(parser, &document, why);

	if (rc)
		return rc;
	root = yaml_document_get_root_node(&document);
	if (root) {
		snprintf(why, SETTINGS_WHY_SIZE, "%u: a second document",
		         line_of(&root->start_mark));
		rc = -EINVAL;
	}
	yaml_document_delete(&document);
	return rc;
}

static int parse_file(FILE *file, setting_entry_fn *fn, void *arg,
                      char why[SETTINGS_WHY_SIZE])
{
	yaml_parser_t parser;
	yaml_document_t document;
	struct walk walk = {
		.document = &document,
		.section = "",
		.fn = fn,
		.arg = arg,
		.why = why,
	};
	int rc;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_file(&parser, file);
	rc = load(&parser, &document, why);
	if (rc == 0) {
		rc = visit_document(&walk);
		if (rc == 0 && yaml_document_get_root_node(&document))
			rc = refuse_more(&parser, why);
		yaml_document_delete(&document);
	}
	yaml_parser_delete(&parser);
	return rc;
}

int settings_yaml_each(const char *path, setting_entry_fn *fn, void *arg,
                       char why[SETTINGS_WHY_SIZE])
{
	FILE *file = fopen(path, "re");
	int rc;

	if (!file && errno == ENOENT)
		return 0;
	if (!file) {
		snprintf(why, SETTINGS_WHY_SIZE, " %s", strerror(errno));
		return -EINVAL;
	}
	rc = parse_file(file, fn, arg, why);
	fclose(file);
	return rc;
}
