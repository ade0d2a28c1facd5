import {ConfigFile} from '../../generator/types';
export const config: ConfigFile = {
  rootOptions: {
    pools: ['AaveV3Ethereum'],
    title: 'WETH thresholds',
    shortName: 'WethThresholds',
    date: '20250102',
    author: 'An example',
    discussion: '',
  },
  poolOptions: {
    AaveV3Ethereum: {
      configs: {
        COLLATERALS_UPDATE: [
          {asset: 'WETH', ltv: '66', liqThreshold: '70', liqBonus: '5', liqProtocolFee: '10'},
        ],
      },
      cache: {blockNumber: 21535000},
    },
  },
};
