/** Models that the agent's tests run. */
@NullMarked
package io.skerry.agent;

import org.jspecify.annotations.NullMarked;
