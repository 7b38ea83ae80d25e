/**
 * Devices: enrolment, labels, facts, what they shall run and what they say of themselves.
 *
 * <p>Start at {@link io.skerry.control.device.DeviceSecrets}.
 */
@NullMarked
package io.skerry.control.device;

import org.jspecify.annotations.NullMarked;
