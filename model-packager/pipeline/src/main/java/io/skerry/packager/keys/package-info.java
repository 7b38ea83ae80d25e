/**
 * {@code skerry create keys}, {@code skerry rotate keys} and {@code skerry sign release}: key
 * ceremonies on files, without a server and without a network.
 */
@NullMarked
package io.skerry.packager.keys;

import org.jspecify.annotations.NullMarked;
