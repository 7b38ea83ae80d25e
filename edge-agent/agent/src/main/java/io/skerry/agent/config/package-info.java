/** What the agent is told and what it is: its configuration and its version. */
@NullMarked
package io.skerry.agent.config;

import org.jspecify.annotations.NullMarked;
