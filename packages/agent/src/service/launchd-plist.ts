import type { Variables } from './env-file.ts';
import { SERVICE } from './service.ts';

export interface PlistOptions {
  readonly command: readonly string[];
  /** Nothing secret: anybody on the machine can read a definition. */
  readonly variables: Variables;
  readonly outputFile: string;
}

/** Between two starts of an agent that ended, as launchd has it. */
const RESTART_S = 10;

/** The property list (launchd.plist(5)) of the agent, which starts at login and again whenever it ends. */
export function plistText({ command, variables, outputFile }: PlistOptions): string {
  const environment = Object.entries(variables).flatMap(([name, value]) => [
    `    <key>${xml(name)}</key>`,
    `    <string>${xml(value)}</string>`,
  ]);
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
    '<plist version="1.0">',
    '<dict>',
    '  <key>Label</key>',
    `  <string>${SERVICE}</string>`,
    '  <key>ProgramArguments</key>',
    '  <array>',
    ...command.map((word) => `    <string>${xml(word)}</string>`),
    '  </array>',
    '  <key>EnvironmentVariables</key>',
    '  <dict>',
    ...environment,
    '  </dict>',
    '  <key>RunAtLoad</key>',
    '  <true/>',
    '  <key>KeepAlive</key>',
    '  <true/>',
    '  <key>ThrottleInterval</key>',
    `  <integer>${RESTART_S}</integer>`,
    '  <key>ExitTimeOut</key>',
    '  <integer>40</integer>',
    '  <key>StandardOutPath</key>',
    `  <string>${xml(outputFile)}</string>`,
    '  <key>StandardErrorPath</key>',
    `  <string>${xml(outputFile)}</string>`,
    '</dict>',
    '</plist>',
  ];
  return `${lines.join('\n')}\n`;
}

function xml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
