/** Readers of the agent's identity that no other package sees. */
@NullMarked
package io.skerry.agent.identity;

import org.jspecify.annotations.NullMarked;
