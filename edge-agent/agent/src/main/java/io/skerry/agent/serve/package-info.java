/**
 * What applications on the device talk to: the Open Inference Protocol, feedback and health over
 * gRPC, on a Unix socket or a loopback port.
 *
 * <p>Reads {@code model}. Start at {@link AgentServer}; {@link ModelRepository} is what a device
 * without a control plane serves from.
 */
@NullMarked
package io.skerry.agent.serve;

import org.jspecify.annotations.NullMarked;
