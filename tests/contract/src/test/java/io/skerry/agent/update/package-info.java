/** A device's download of one blob, which no other package sees. */
@NullMarked
package io.skerry.agent.update;

import org.jspecify.annotations.NullMarked;
