/* SPDX-License-Identifier: MIT */
#include "tests/fault_acts.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Kinds of rows: what they are called, and what does them. */
#define LIST(what, path, grounds) "list " what, act_list, path, NULL, grounds
#define ASK(what, path, grounds) "ask " what, act_list, path, NULL, grounds
#define LOOK(what, path, grounds) "look at " what, act_look, path, NULL, grounds
#define READ(what, path, grounds)                                              \
	"read " what, act_read_file, path, NULL, grounds
#define REMOVE(what, path, grounds)                                            \
	"remove " what, act_remove_part, path, NULL, grounds
#define SAVE(what, path, number, grounds)                                      \
	"save " what, act_save_array, path, number, grounds
#define WRITE(what, path, text, grounds)                                       \
	"save " what, act_save_text, path, text, grounds

#define WEIGHTS "network_states/n/weights.npy"
#define PATTERN "{'metadata': {'a': [1, 'x', {}]}}"
#define CONCEPT "{'metadata': {'a': 1}}"
#define STRENGTH "{'strength': 0.25, 'created_at': 5.0}"

const struct act acts[] = {
	{ LIST("the root", "", 0) },
	{ LIST("a cache", "wm", NOT_AWAY) },
	{ LIST("numbered records", "episodes", NOT_IN_MEM) },
	{ LIST("concepts", "concepts", 0) },
	{ LIST("a concept", "concepts/A", 0) },
	{ LIST("links", "concepts/A/like", 0) },
	{ LIST("directories", "network_states", 0) },
	{ LIST("a record", "network_states/n", 0) },
	{ LIST("rejected files", ".engram/rejected", 0) },
	{ LIST("views", "views/concepts", 0) },
	{ ASK("for texts", "views/episodes/by_context", 0) },
	{ ASK("a question", "views/episodes/where/min_score=0.1", 0) },
	{ ASK("what is near", "views/concepts/near/A", NOT_IN_MEM) },
	{ ASK("by time", "views/network_states/between/0,9000000000", 0) },
	{ LOOK("a pattern", "wm/a.npy", NOT_AWAY) },
	{ LOOK("a pattern's fields", "wm/a.json", NOT_AWAY) },
	{ LOOK("an episode", "episodes/1.json", 0) },
	{ LOOK("an array inside", "episodes/1/x.npy", 0) },
	{ LOOK("a concept", "concepts/A.npy", 0) },
	{ LOOK("a relationship", "concepts/A/like/B.json", 0) },
	{ LOOK("an array", WEIGHTS, 0) },
	{ LOOK("what is not there", "concepts/none.npy", 0) },
	{ "read a link", act_read_link, "concepts/A/like/B", NULL, 0 },
	{ READ("a pattern", "wm/a.npy", NOT_AWAY) },
	{ READ("a pattern's fields", "wm/a.json", NOT_AWAY) },
	{ READ("an episode", "episodes/1.json", 0) },
	{ READ("an array inside", "episodes/1/x.npy", 0) },
	{ READ("a concept", "concepts/A.json", 0) },
	{ READ("an embedding", "concepts/A.npy", 0) },
	{ READ("a strength", "concepts/A/like/B.json", 0) },
	{ READ("an event", "learning_events/1.json", 0) },
	{ READ("an array", WEIGHTS, 0) },
	{ READ("a snapshot", "network_states/n/metadata.json", 0) },
	{ READ("a layer", "activations/layer_outputs/l/one.npy", 0) },
	{ READ("numbers", "learning_traces/performance/p.json", 0) },
	{ READ("a report", "views/learning_events/best_strategies/t.json",
	       NOT_IN_MEM) },
	{ READ("the status", ".engram/status.json", 0) },
	{ SAVE("a pattern", "wm/new.npy", "1", 0) },
	{ "replace a pattern", act_save_array, "wm/a.npy", "2", 0 },
	{ WRITE("a pattern's fields", "wm/a.json", PATTERN, NOT_AWAY) },
	{ WRITE("fields of a new pattern", "wm/new.json", PATTERN, 0) },
	{ WRITE(
	    "an episode", "episodes/7.json",
	    "{'context_hash': 'c', 'experience_data': {'a': [1, {'b': 'c'}]}}",
	    0) },
	{ "replace an episode", act_save_text, "episodes/1.json",
	  "{'performance_score': 0.7, 'experience_data': {'x': {'$npy': "
	  "'1/x.npy'}, 'y': [1, 2]}}",
	  0 },
	{ SAVE("an array inside", "episodes/1/x.npy", "5", 0) },
	{ "copy an episode in", act_save_array, "episodes/run7.npy", "5",
	  ONCE | NAMED_LATER },
	{ WRITE("a concept", "concepts/new.json", CONCEPT, 0) },
	{ WRITE("a concept that is waited for", "concepts/Z.json", CONCEPT,
	        0) },
	{ SAVE("an embedding", "concepts/A.npy", "3", 0) },
	{ WRITE(
	    "an event", "learning_events/9.json",
	    "{'task_type': 't', 'strategy_used': 's', 'parameters': {'a': 1}}",
	    0) },
	{ SAVE("an array of a snapshot", "network_states/n/states.npy", "3",
	       0) },
	{ "replace an array", act_save_array, WEIGHTS, "4", 0 },
	{ "save a large array", act_save_many, WEIGHTS, "6", 0 },
	{ SAVE("a layer", "activations/layer_outputs/l/two.npy", "1", 0) },
	{ WRITE("numbers", "learning_traces/performance/p.json",
	        "{'metrics': {'x': 2.5, 'y': 1}}", 0) },
	{ "update an array", act_update, WEIGHTS, "9", 0 },
	{ "update an embedding", act_update, "concepts/A.npy", "9", 0 },
	{ "touch a concept", act_touch, "concepts/A.json", NULL, 0 },
	{ "touch an array", act_touch, WEIGHTS, NULL, 0 },
	{ "rename a pattern", act_rename_key, "wm/a.npy", "wm/c.npy",
	  NOT_AWAY },
	{ "rename a concept", act_rename_key, "concepts/A.json",
	  "concepts/C.json", 0 },
	{ "rename a snapshot", act_rename_key, "network_states/n",
	  "network_states/m", 0 },
	{ "rename an array", act_move_array,
	  "activations/layer_outputs/l/one.npy",
	  "activations/layer_outputs/l/1.npy", TWICE | TWO_STEPS },
	{ "rename a file over a record", act_replace, "concepts/.A.tmp",
	  "concepts/A.npy", MAY_STAY },
	{ "rename a record to a backup", act_move_out, "concepts/A.npy",
	  "concepts/A.npy~", TWO_STEPS },
	{ REMOVE("a pattern", "wm/a.npy", NOT_AWAY) },
	{ REMOVE("an episode's file", "episodes/2.npy", 0) },
	{ REMOVE("a concept's file", "concepts/B.json", 0) },
	{ REMOVE("an array", WEIGHTS, 0) },
	{ "make a directory", act_make_directory, "network_states/d", NULL, 0 },
	{ "make a link", act_make_link, "concepts/B/like/A", "../../A", 0 },
	{ "make a link that waits", act_make_link, "concepts/B/like/Y",
	  "../../Y", 0 },
	{ WRITE("a strength", "concepts/A/like/B.json", STRENGTH, 0) },
	{ WRITE("a strength that waits", "concepts/A/like/Y.json", STRENGTH,
	        0) },
	{ "set a strength", act_set_strength, "concepts/A/like/B.json", "0.75",
	  0 },
	{ REMOVE("a link", "concepts/A/like/B", 0) },
	{ "begin a file", act_begin, "wm/begun.npy", NULL, 0 },
	{ "write a scratch file", act_append, "wm/.x.swp", "scratch", 0 },
	{ "refuse a file", act_save_text, "concepts/B.json", "{'nonsense': 1}",
	  0 },
	{ NULL, NULL, NULL, NULL, 0 },
};

static const struct act filling[] = {
	{ SAVE("", "wm/a.npy", "1", NOT_AWAY) },
	{ WRITE("", "wm/a.json", "{'metadata': {'k': [1, 2]}}", NOT_AWAY) },
	{ SAVE("", "wm/b.npy", "1", NOT_AWAY) },
	{ SAVE("", "attention/c.npy", "1", NOT_AWAY) },
	{ SAVE("", "episodes/1/x.npy", "2", 0) },
	{ WRITE("", "episodes/1.json",
	        "{'performance_score': 0.5, 'context_hash': 'c', "
	        "'experience_data': {'x': {'$npy': '1/x.npy'}, 'y': [1, 2]}}",
	        0) },
	{ SAVE("", "episodes/2.npy", "2", 0) },
	{ WRITE("", "episodes/3.json",
	        "{'performance_score': 0.25, 'context_hash': 'c'}", 0) },
	{ SAVE("", "concepts/A.npy", "1", 0) },
	{ SAVE("", "concepts/B.npy", "2", 0) },
	{ "", act_make_link, "concepts/A/like/B", "../../B", 0 },
	{ "", act_make_link, "concepts/A/like/Z", "../../Z", 0 },
	{ WRITE("", "concepts/A/like/Z.json", "{'strength': 0.5}", 0) },
	{ WRITE("", "learning_events/1.json",
	        "{'task_type': 't', 'strategy_used': 's', "
	        "'performance_delta': 1.5}",
	        0) },
	{ "", act_make_directory, "network_states/n", NULL, 0 },
	{ SAVE("", WEIGHTS, "1", 0) },
	{ SAVE("", "network_states/n/adjacency.npy", "1", 0) },
	{ SAVE("", "activations/layer_outputs/l/one.npy", "1", 0) },
	{ WRITE("", "learning_traces/performance/p.json",
	        "{'metrics': {'x': 1.5}}", 0) },
	{ "", act_append, "wm/.x.swp", "scratch", 0 },
	{ SAVE("", "concepts/.A.tmp", "7", 0) },
	{ NULL, NULL, NULL, NULL, 0 },
};

void fault_lab_fill(struct fault_lab *lab)
{
	for (const struct act *act = filling; act->name; act++) {
		int rc = act->grounds & NOT_AWAY && lab->ground->away
		             ? 0
		             : act->run(lab, act);

		if (rc)
			fail_msg("%s: %s", act->path, strerror(-rc));
	}
}
