/**
 * What an agent tells of itself while it runs: metrics for Prometheus, and on demand where memory
 * and time go. Start at {@link Diagnostics}.
 */
@NullMarked
package io.skerry.agent.diagnose;

import org.jspecify.annotations.NullMarked;
