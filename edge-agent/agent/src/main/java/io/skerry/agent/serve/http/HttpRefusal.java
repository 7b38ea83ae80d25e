package io.skerry.agent.serve.http;

/**
 * The answer to a request that never became whole. It goes the way of requests, so that it is not
 * taken for the answer to one before.
 *
 * @param closes whether nothing more can be read of the connection
 */
record HttpRefusal(HttpAnswer answer, boolean closes) {}
