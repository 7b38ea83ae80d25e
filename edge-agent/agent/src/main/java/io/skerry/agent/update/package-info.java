/**
 * Brings a slot to what the control plane ordered: download, verify, test, switch, prove, and back
 * again when the new version fails.
 *
 * <p>{@link io.skerry.agent.update.UpdateMachine} decides, {@link io.skerry.agent.update.Updater}
 * acts.
 */
@NullMarked
package io.skerry.agent.update;

import org.jspecify.annotations.NullMarked;
