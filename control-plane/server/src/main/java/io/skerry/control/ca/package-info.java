/**
 * The control plane's certificate authority: who a device is, by the certificate that it enrolled
 * for, and the certificates of the server itself.
 *
 * <pre>
 * keys/stores.password   protects the stores below
 * keys/ca.p12            the CA's key and certificate
 * keys/ca.pem            the CA's certificate, for operators and outside brokers
 * keys/devices.p12       the CA's certificate as a trust store
 * keys/server.p12        what devices and browsers see; issued again before it runs out
 * keys/control.p12       what the broker sees of the control plane
 * </pre>
 *
 * <p>Start at {@link io.skerry.control.ca.ServerTls} and {@link
 * io.skerry.control.ca.DeviceCertificates}.
 */
@NullMarked
package io.skerry.control.ca;

import org.jspecify.annotations.NullMarked;
