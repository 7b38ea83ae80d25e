/**
 * The agent's command line: each subcommand puts the agent together in the way it needs.
 *
 * <p>Start at {@link Main}.
 */
@NullMarked
package io.skerry.agent.boot;

import org.jspecify.annotations.NullMarked;
