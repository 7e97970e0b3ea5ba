// What a script with the Node client `csclient` does: it learns from listApis which commands are jobs, then calls two of either kind.
//
//     node csclient.js ZONE-ID NETWORK-OFFERING-ID     # endpoint and keys in CLOUDSTACK_*; what was seen goes to standard output as JSON
"use strict";
const CloudStackClient = require("csclient");

const [zoneid, networkofferingid] = process.argv.slice(2);
const { CLOUDSTACK_ENDPOINT, CLOUDSTACK_KEY, CLOUDSTACK_SECRET } = process.env;

function connect(options) {
    const client = new CloudStackClient({
        baseUrl: CLOUDSTACK_ENDPOINT + "?", apiKey: CLOUDSTACK_KEY, secretKey: CLOUDSTACK_SECRET, pollingTime: 50, pollingNumber: 200, ...options,
    });
    return new Promise((resolve, reject) => {
        client.on("ready", () => resolve(client));
        client.on("error", reject);
    });
}

function call(client, command, parameters) {
    return new Promise((resolve, reject) => client.execute(command, parameters, (error, answer) => (error ? reject(error) : resolve(answer))));
}

function refusal(promise) {
    return promise.then(() => "nothing was refused", (error) => [error.name, error.code, error.message]);
}

async function main() {
    const client = await connect({ singleExecutor: true });
    const zones = (await call(client, "listZones", {})).listzonesresponse;
    const empty = (await call(client, "listNetworks", { keyword: "nothing has this" })).listnetworksresponse;
    const name = "by node (*~ é)!";
    const { network } = (await call(client, "createNetwork", { name, zoneid, networkofferingid })).createnetworkresponse;
    const updated = await call(client, "updateNetwork", { id: network.id, displaytext: "changed" });
    const busy = await refusal(call(client, "deleteNetwork", { id: zoneid }));
    const gone = await call(client, "deleteNetwork", { id: network.id });
    const wrong = await refusal(connect({ singleExecutor: true, secretKey: "wrong" }));
    console.log(JSON.stringify({
        zones: zones.count, empty, name: network.name === name,
        updated: [updated.jobstatus, updated.jobresultcode, updated.jobresult.network.displaytext],
        gone: gone.jobresult, busy, wrong,
    }));
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
