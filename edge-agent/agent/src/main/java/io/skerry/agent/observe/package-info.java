/**
 * Counts and samples predictions behind a ring that never makes one wait, and joins feedback to
 * predictions that are still known.
 *
 * <p>Start at {@link io.skerry.agent.observe.Observer}.
 */
@NullMarked
package io.skerry.agent.observe;

import org.jspecify.annotations.NullMarked;
