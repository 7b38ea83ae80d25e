/**
 * The line to the devices: the embedded MQTT 5 broker, who may do what on it, and the control
 * plane's own client.
 *
 * <p>Start at {@link io.skerry.control.link.ControlLink}.
 */
@NullMarked
package io.skerry.control.link;

import org.jspecify.annotations.NullMarked;
