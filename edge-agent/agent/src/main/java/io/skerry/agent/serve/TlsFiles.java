package io.skerry.agent.serve;

import java.nio.file.Path;

/**
 * The files, in PEM, by which a listener shows who it is and knows who calls.
 *
 * @param certificate the listener's, then those that vouch for it
 * @param key its private key: PKCS #8, not encrypted
 * @param clients certificates of the authorities whose clients may call
 */
public record TlsFiles(Path certificate, Path key, Path clients) {}
