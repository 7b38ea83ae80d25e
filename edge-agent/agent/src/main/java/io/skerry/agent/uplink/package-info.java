/**
 * The way to the control plane: the MQTT link, the spool on disk, the sender that frees records
 * only when they are committed, and the publisher of the reported document.
 *
 * <p>Start at {@link DeviceLink} and {@link Uplink}.
 */
@NullMarked
package io.skerry.agent.uplink;

import org.jspecify.annotations.NullMarked;
