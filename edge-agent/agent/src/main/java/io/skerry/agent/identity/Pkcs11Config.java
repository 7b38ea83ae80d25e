package io.skerry.agent.identity;

import java.nio.file.Path;
import java.util.Optional;

/**
 * A PKCS#11 token to keep keys in.
 *
 * @param config file for the JDK's SunPKCS11 provider: {@code name}, {@code library}, {@code slot}
 * @param pinFile holds the user's PIN in its first line; empty when the token asks for none
 * @see <a
 *     href="https://docs.oracle.com/en/java/javase/25/security/pkcs11-reference-guide1.html">PKCS#11
 *     Reference Guide</a>
 */
public record Pkcs11Config(Path config, Optional<Path> pinFile) {}
