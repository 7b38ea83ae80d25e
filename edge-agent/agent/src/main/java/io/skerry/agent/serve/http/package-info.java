/**
 * The Open Inference Protocol over HTTP on a port of this machine: JSON, and tensors in binary
 * after it. For clients that speak no gRPC: curl, and Triton's Java client.
 *
 * <p>Start at {@link HttpServer}. Netty comes with gRPC anyway; the JDK's own server has no bound
 * on what a request may hold in memory before its handler sees it, and waits on small answers.
 */
@NullMarked
package io.skerry.agent.serve.http;

import org.jspecify.annotations.NullMarked;
