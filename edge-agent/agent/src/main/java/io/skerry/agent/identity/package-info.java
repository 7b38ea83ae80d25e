/**
 * Who the device is: its key, the certificate that the control plane gave it, how both are renewed,
 * and TLS that believes one authority only.
 *
 * <p>Start at {@link io.skerry.agent.identity.Enrolment} and {@link
 * io.skerry.agent.identity.DeviceTls}. {@link io.skerry.agent.identity.RenewalMachine} decides.
 */
@NullMarked
package io.skerry.agent.identity;

import org.jspecify.annotations.NullMarked;
